//! One way of writing a token is accepted; whatever could be read in two ways is refused.

mod common;

use bytes::Bytes;
use capability_claims::{ClaimsError, TokenPart};
use common::{HEADER, account, carrying, carrying_json, claims_json, policy, refusal, sealed, token, verify};
use data_encoding::BASE64URL_NOPAD;

#[track_caller]
fn assert_malformed(wasm: &[u8], expected: TokenPart) -> String {
    match refusal(wasm) {
        ClaimsError::MalformedToken { part, reason } if part == expected => reason,
        other => panic!("{other:?}"),
    }
}

/// The claims with `"key":` and what follows put in at the front of the outer, or with `inside` of the inner object.
fn with(member: &str, inside: bool) -> String {
    let (from, to) = if inside {
        (r#""wascap":{"#, format!(r#""wascap":{{{member},"#))
    } else {
        ("{", format!("{{{member},"))
    };
    claims_json().replacen(from, &to, 1)
}

#[test]
fn the_claims_by_hand_are_good_before_they_are_spoilt() {
    assert!(verify(&carrying_json(HEADER, &claims_json())).is_ok());
    assert!(verify(&carrying_json(HEADER, &with(r#""exp":1700000001"#, false))).is_ok());
    assert!(verify(&carrying_json(HEADER, &with(r#""exp":18446744073709551615"#, false))).is_ok());
    assert!(verify(&carrying_json(HEADER, &with(r#""rev":-2147483648"#, true))).is_ok());
    assert!(verify(&carrying_json(HEADER, &claims_json().replace(r#","wascap_revision":3"#, ""))).is_ok());
}

#[test]
fn duplicate_keys_are_refused() {
    for member in [
        r#""exp":1700000001,"exp":1700000001"#,
        r#""jti":"x""#,
        r#""iat":1"#,
        r#""iss":"x""#,
        r#""wascap":{}"#,
        r#""nbf":1,"nbf":1"#,
        r#""wascap_revision":3"#,
        r#""\u006ati":"by-hand""#,
    ] {
        assert_malformed(&carrying_json(HEADER, &with(member, false)), TokenPart::Claims);
    }
    let subject = format!(r#""sub":"{}""#, common::module().public_key());
    let reason = assert_malformed(&carrying_json(HEADER, &with(&subject, false)), TokenPart::Claims);
    assert!(reason.contains("duplicate field `sub`"), "{reason}");
}

#[test]
fn duplicate_keys_inside_are_refused() {
    for member in [r#""caps":["a"],"caps":["b"]"#, r#""name":"x""#, r#""prov":true"#, r#""h\u0061sh":"""#] {
        assert_malformed(&carrying_json(HEADER, &with(member, true)), TokenPart::Claims);
    }
}

#[test]
fn claims_that_are_not_known_are_refused() {
    for member in [r#""aud":"x""#, r#""EXP":1"#, r#""__proto__":{}"#, r#""":0"#] {
        assert_malformed(&carrying_json(HEADER, &with(member, false)), TokenPart::Claims);
        assert_malformed(&carrying_json(HEADER, &with(member, true)), TokenPart::Claims);
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    for number in [
        "-1",
        "-0.5",
        "1.9e19",
        "18446744073709551616",
        "1e999",
        "\"1700000001\"",
        "null",
        "true",
        "[1]",
        "0x10",
        "01",
    ] {
        for name in ["exp", "nbf"] {
            assert_malformed(
                &carrying_json(HEADER, &with(&format!(r#""{name}":{number}"#), false)),
                TokenPart::Claims,
            );
        }
        let issued = claims_json().replace(r#""iat":1700000000"#, &format!(r#""iat":{number}"#));
        assert_malformed(&carrying_json(HEADER, &issued), TokenPart::Claims);
    }
    for number in ["2147483648", "-2147483649", "1.0", "\"1\""] {
        assert_malformed(
            &carrying_json(HEADER, &with(&format!(r#""rev":{number}"#), true)),
            TokenPart::Claims,
        );
    }
    let revision = claims_json().replace(r#""wascap_revision":3"#, r#""wascap_revision":4294967296"#);
    assert_malformed(&carrying_json(HEADER, &revision), TokenPart::Claims);
}

#[test]
fn other_types_than_the_right_ones_are_refused() {
    for member in [
        r#""caps":"wascc:keyvalue""#,
        r#""caps":{"wascc:keyvalue":true}"#,
        r#""caps":[1]"#,
        r#""caps":null"#,
        r#""tags":[["x"]]"#,
        r#""ver":1"#,
        r#""ver":null"#,
        r#""call_alias":null"#,
    ] {
        assert_malformed(&carrying_json(HEADER, &with(member, true)), TokenPart::Claims);
    }
    let provider = claims_json().replace(r#""prov":false"#, r#""prov":"false""#);
    assert_malformed(&carrying_json(HEADER, &provider), TokenPart::Claims);
    let hash = claims_json();
    let at = hash.find(r#""hash":""#).unwrap() + 8;
    for wrong in [hash[at..at + 64].to_lowercase(), "AB".into(), "G".repeat(64), String::new()] {
        let json = hash.replace(&hash[at..at + 64], &wrong);
        assert_malformed(&carrying_json(HEADER, &json), TokenPart::Claims);
    }
}

#[test]
fn missing_claims_are_refused() {
    for (from, to) in [
        (r#""jti":"by-hand","#, ""),
        (r#""iat":1700000000,"#, ""),
        (r#""iss""#, r#""xxx""#),
        (r#""sub""#, r#""xxx""#),
        (r#""hash""#, r#""xxx""#),
        (r#""wascap""#, r#""xxx""#),
    ] {
        assert_malformed(&carrying_json(HEADER, &claims_json().replace(from, to)), TokenPart::Claims);
    }
}

#[test]
fn arrays_in_the_place_of_objects_are_refused() {
    let (a, m) = (common::account().public_key(), common::module().public_key());
    let hash = capability_claims::ModuleHash::of(&common::small_module()).unwrap();
    let inner = format!(r#"["counter","{hash}",[],[],1,"1","x",false]"#);
    let outer = format!(r#"[1800000000,"x",1,"{a}","{m}",1,{{"hash":"{hash}"}},3]"#);
    let whole = claims_json();
    let at = whole.find(r#""wascap":"#).unwrap() + 9;
    let nested = format!("{}{inner}{}", &whole[..at], &whole[whole.find(r#","wascap_revision""#).unwrap()..]);
    for json in [outer.as_str(), &nested, "[]", "null", "3", "\"x\"", "", "{}"] {
        assert_malformed(&carrying_json(HEADER, json), TokenPart::Claims);
    }
}

#[test]
fn keys_inside_must_be_whole() {
    let a = account().public_key().to_string();
    let seed = common::ACCOUNT;
    for wrong in [&a[..55], &a.to_lowercase(), &a.replace('A', "B"), &format!("{a} "), "", seed] {
        let reason =
            assert_malformed(&carrying_json(HEADER, &claims_json().replace(&a, wrong)), TokenPart::Claims);
        assert!(!reason.contains(&seed[5..20]), "{reason}");
    }
}

#[test]
fn what_follows_the_claims_is_refused() {
    for tail in ["{}", "x", "\0", ",", "}"] {
        assert_malformed(&carrying_json(HEADER, &format!("{}{tail}", claims_json())), TokenPart::Claims);
    }
}

/// A parser that calls itself for each level would end the process.
#[test]
fn claims_nested_deeply_are_refused() {
    let (lists, objects) = ("[".repeat(20_000), r#"{"wascap":"#.repeat(4_000));
    for json in [lists.clone(), objects.clone(), format!("{}{}", lists, "]".repeat(20_000))] {
        assert_malformed(&carrying_json(HEADER, &json), TokenPart::Claims);
    }
    for inside in [false, true] {
        for member in ["caps", "tags", "x"] {
            let json = with(&format!(r#""{member}":{lists}"#), inside);
            assert_malformed(&carrying_json(HEADER, &json), TokenPart::Claims);
        }
    }
}

#[test]
fn padding_white_space_and_other_alphabets_are_refused() {
    let header = BASE64URL_NOPAD.encode(HEADER.as_bytes());
    // A blank at the end gives a length whose base64 has bits to spare.
    let claims = BASE64URL_NOPAD.encode(format!("{} ", claims_json()).as_bytes());
    assert!(verify(&carrying(&sealed(&header, &claims, &account()))).is_ok());
    for wrong in [
        format!("{claims}="),
        format!("{claims}=="),
        format!(" {claims}"),
        format!("{claims}\n"),
        format!("{}\r\n{}", &claims[..40], &claims[40..]),
        claims.replacen('e', "+", 1),
        claims.replacen('e', "/", 1),
        claims.replacen('e', "\u{e9}", 1),
        String::new(),
    ] {
        assert_malformed(&carrying(&sealed(&header, &wrong, &account())), TokenPart::Claims);
    }
    let good = token(HEADER, &claims_json(), &account());
    for tail in ["=", "==", "\n", " ", "A", "AA", "AAAA"] {
        assert_malformed(&carrying(&format!("{good}{tail}")), TokenPart::Signature);
    }
}

/// The last character of a part may carry bits that no byte takes; they must be zero, or one token would have several texts.
#[test]
fn bits_to_spare_must_be_zero() {
    let good = token(HEADER, &claims_json(), &account());
    let (most, last) = good.split_at(good.len() - 1);
    assert!(["A", "Q", "g", "w"].contains(&last), "64 bytes leave four bits to spare: {last}");
    let spoilt = char::from(last.as_bytes()[0] + 1);
    assert_malformed(&carrying(&format!("{most}{spoilt}")), TokenPart::Signature);
}

#[test]
fn a_token_has_three_parts() {
    let good = token(HEADER, &claims_json(), &account());
    let (message, signature) = good.rsplit_once('.').unwrap();
    for text in [
        message.to_owned(),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!("{good}."),
        String::new(),
        "..".into(),
    ] {
        let error = refusal(&carrying(&text));
        assert!(matches!(error, ClaimsError::MalformedToken { .. }), "{text}: {error:?}");
    }
    assert_malformed(&carrying(&format!("{message}.")), TokenPart::Signature);
}

/// RFC 7519 §2: a NumericDate may have a fraction.
#[test]
fn times_may_have_fractions_and_a_token_is_good_for_no_longer_by_them() {
    for (member, first, last) in [
        (r#""exp":1700000010.75"#, 0, 1_700_000_009),
        (r#""exp":17.0000001e8"#, 0, 1_700_000_009),
        (r#""exp":1700000010.0"#, 0, 1_700_000_009),
        (r#""nbf":1699999990.25"#, 1_699_999_991, 1_800_000_000),
        (r#""nbf":1699999990.0"#, 1_699_999_990, 1_800_000_000),
    ] {
        let wasm = carrying_json(HEADER, &with(member, false));
        let good = |now| policy().verify(Bytes::from(wasm.clone()), now).is_ok();
        assert!(good(first) && good(last), "{member}");
        assert!(first == 0 || !good(first - 1), "{member}");
        assert!(last == 1_800_000_000 || !good(last + 1), "{member}");
    }
    let issued = claims_json().replace(r#""iat":1700000000"#, r#""iat":1700000000.9"#);
    assert_eq!(verify(&carrying_json(HEADER, &issued)).unwrap().claims().issued_at(), 1_700_000_000);
}
