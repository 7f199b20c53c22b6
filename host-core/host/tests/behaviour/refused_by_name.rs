//! Every way in which a module is refused at load, and its text: it names the module wherever there is a token that can be read.

use std::time::Duration;

use capability_claims::{
    AccountBuilder, ClaimsBuilder, KeyPair, ModuleHash, OperatorBuilder, TrustPolicy, extract,
};
use data_encoding::BASE64URL_NOPAD;
use host_core::{AddOptions, Error};

use crate::support::{NOW, Vouched, echo, module_key, wasm};

const HEADER: &str = r#"{"typ":"jwt","alg":"Ed25519"}"#;

/// A module called "counter", and whoever signs it.
struct Signers {
    vouched: Vouched,
    key: KeyPair,
}

impl Signers {
    fn new() -> Self {
        Self { vouched: Vouched::new(), key: module_key() }
    }

    fn signed(&self, claims: impl FnOnce(ClaimsBuilder) -> ClaimsBuilder) -> Vec<u8> {
        self.vouched.sign(&echo(), None, &self.key, claims)
    }

    /// `wasm` with a token made by hand: `edit` changes its claims.
    fn sealed(&self, header: &str, edit: impl FnOnce(String) -> String, wasm: &[u8]) -> Vec<u8> {
        let (account, hash) = (&self.vouched.account, ModuleHash::of(wasm).unwrap());
        let claims = format!(
            r#"{{"jti":"by hand","iat":{NOW},"iss":"{}","sub":"{}","wascap":{{"name":"counter","hash":"{hash}"}}}}"#,
            account.public_key(),
            self.key.public_key()
        );
        let [header, claims] =
            [header.to_owned(), edit(claims)].map(|json| BASE64URL_NOPAD.encode(json.as_bytes()));
        let message = format!("{header}.{claims}");
        let signature = BASE64URL_NOPAD.encode(&account.sign(message.as_bytes()));
        [wasm, &custom("jwt", &format!("{message}.{signature}"))].concat()
    }

    fn by_account(&self) -> TrustPolicy {
        TrustPolicy::nobody().account(self.vouched.account.public_key())
    }

    /// The operator's tokens, whose times are shorter than the module's.
    fn chain(&self) -> Vec<String> {
        let Vouched { operator, account, .. } = &self.vouched;
        let root = OperatorBuilder::new().not_before(NOW - 30).expires_at(NOW + 30).issue(operator).unwrap();
        let team = AccountBuilder::new(account.public_key()).not_before(NOW - 20).expires_at(NOW + 20);
        vec![root, team.issue(operator).unwrap()]
    }

    /// The kind of the refusal and its words, under this policy at this time, with these tokens beside the module.
    #[track_caller]
    fn refusal(
        &self,
        module: Vec<u8>,
        policy: TrustPolicy,
        at: u64,
        chain: Option<&[String]>,
    ) -> (String, Error) {
        let Vouched { host, clock, .. } = &self.vouched;
        host.replace_policy(policy).unwrap();
        clock.set(at);
        let options = chain.map_or(AddOptions::new(), |tokens| AddOptions::new().chain(tokens));
        let error = host.add_actor_with(module, options).unwrap_err();
        let kind = format!("{:?}", error.refusal().unwrap_or_else(|| panic!("not refused: {error}")));
        (kind.chars().take_while(char::is_ascii_alphanumeric).collect(), error)
    }

    /// It is refused so, and the text has the module's name and key once.
    #[track_caller]
    fn named(&self, kind: &str, (told, error): (String, Error)) {
        let (label, text) = (format!("\"counter\" ({})", self.key.public_key()), error.to_string());
        assert_eq!((told.as_str(), text.matches(&label).count()), (kind, 1), "{text}");
        assert!(text.contains("; "), "it says what to do: {text}");
        let Error::Refused { module: Some(module), .. } = error else { panic!("{text}") };
        assert_eq!((module.name(), module.key()), (Some("counter"), self.key.public_key()));
    }
}

/// A custom section, its size written with more bytes than need be, as a token's may be.
fn custom(name: &str, text: &str) -> Vec<u8> {
    let body = [&[name.len() as u8], name.as_bytes(), text.as_bytes()].concat();
    let size = body.len();
    let leb128 = [size as u8 | 0x80, (size >> 7) as u8 | 0x80, (size >> 14) as u8 | 0x80, (size >> 21) as u8];
    [&[0], &leb128[..], &body].concat()
}

/// The module without its token, and the section of that.
fn apart(signed: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (wasm(&echo()), custom("jwt", extract(signed).unwrap()))
}

#[test]
fn for_its_file_and_its_token() {
    let signers = Signers::new();
    let refused = |module| signers.refusal(module, signers.by_account(), NOW, None);
    let signed = signers.signed(|c| c);
    let (bare, token) = apart(&signed);
    signers.named("MisplacedToken", refused([&bare[..8], &token, &bare[8..]].concat()));

    let last = signed.len() - 2;
    let mut forged = signed.clone();
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    signers.named("Forged", refused(forged));
    let text = extract(&signed).unwrap();
    let cut_short = custom("jwt", &text[..text.len() - 40]);
    signers.named("MalformedToken", refused([&bare[..], &cut_short].concat()));
    signers.named("Altered", refused([&bare[..], &custom("other", "x"), &token].concat()));

    let (account, module) =
        (signers.vouched.account.public_key().to_string(), signers.key.public_key().to_string());
    signers.named(
        "UnsupportedAlgorithm",
        refused(signers.sealed(r#"{"typ":"jwt","alg":"none"}"#, |c| c, &bare)),
    );
    signers.named("WrongKeyKind", refused(signers.sealed(HEADER, |c| c.replace(&account, &module), &bare)));
    let twice = [&bare[..], &custom("wascc_chain", ""), &custom("wascc_chain", "")].concat();
    signers.named("MultipleChains", refused(signers.sealed(HEADER, |c| c, &twice)));
    let moved = [&bare[..], &custom("wascc_chain", ""), &custom("other", "")].concat();
    signers.named("MisplacedChain", refused(signers.sealed(HEADER, |c| c, &moved)));
}

#[test]
fn for_its_time_and_by_the_policy() {
    let signers = Signers::new();
    let (key, account) = (signers.key.public_key(), signers.vouched.account.public_key());
    let signed = || signers.signed(|c| c.id("this").not_before(NOW - 50).expires_at(NOW + 50).revision(7));
    let refused = |policy: TrustPolicy| signers.refusal(signed(), policy, NOW, None);
    let trust = || signers.by_account();
    signers.named("Expired", signers.refusal(signed(), trust(), NOW + 51, None));
    signers.named("NotYetValid", signers.refusal(signed(), trust(), NOW - 51, None));
    signers.named("NotTrusted", refused(TrustPolicy::nobody()));
    signers.named("KeyRevoked", refused(trust().revoke_key(account)));
    signers.named("TokenRevoked", refused(trust().revoke_token("this")));
    signers.named("ActorDenied", refused(trust().deny_actor(key).unwrap()));
    signers.named("ActorNotAllowed", refused(trust().allow_actor(module_key().public_key()).unwrap()));
    signers.named("RevisionTooLow", refused(trust().minimum_revision(key, 8).unwrap()));
    signers.named("LivesTooLong", refused(trust().max_token_life(Duration::from_secs(49))));
    let endless = signers.signed(|c| c);
    let short = trust().max_token_life(Duration::from_secs(49));
    signers.named("NeverExpires", signers.refusal(endless, short, NOW, None));
}

#[test]
fn for_its_chain() {
    let signers = Signers::new();
    let chain = signers.chain();
    let refused = |at, chain: &[String]| {
        signers.refusal(signers.signed(|c| c), signers.vouched.trust(), at, Some(chain))
    };
    signers.named("AccountExpired", refused(NOW + 21, &chain));
    signers.named("AccountNotYetValid", refused(NOW - 21, &chain));
    signers.named("OperatorExpired", refused(NOW + 31, &chain));
    signers.named("OperatorNotYetValid", refused(NOW - 31, &chain));
    signers.named("BrokenChain", refused(NOW, &chain[..1]));
    signers.named("ChainLength", refused(NOW, &[]));
    let other = Signers::new().chain();
    signers.named("BrokenChain", refused(NOW, &[chain[0].clone(), other[1].clone()]));
}

/// Where nothing says who it is, that is told.
#[test]
fn or_there_is_no_name() {
    let signers = Signers::new();
    let signed = signers.signed(|c| c);
    let (bare, token) = apart(&signed);
    for (module, kind) in [
        (bare.clone(), "NotSigned"),
        (signed[..signed.len() - 1].to_vec(), "MalformedModule"),
        ([&bare[..], &token, &token].concat(), "MultipleTokens"),
        ([&bare[..], &custom("jwt", &"x".repeat(70_000))].concat(), "TokenTooLarge"),
        ([&bare[..], &custom("jwt", "x.y.z")].concat(), "MalformedToken"),
    ] {
        let (told, error) = signers.refusal(module, signers.by_account(), NOW, None);
        assert_eq!(told, kind);
        assert!(matches!(&error, Error::Refused { module: None, .. }), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("a module without a token that can be read is refused: "), "{text}");
    }
}
