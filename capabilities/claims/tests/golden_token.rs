//! The text of tokens, byte for byte. The expected texts were computed with other code (Python and OpenSSL).

mod common;

use capability_claims::{AccountBuilder, ClaimsBuilder, extract, sign_module};
use common::{account, module, operator, section, wasm};

fn one_type() -> Vec<u8> {
    wasm(&[section(1, &[1, 0x60, 0, 0])])
}

#[test]
fn a_token_with_everything_in_it() {
    let claims = ClaimsBuilder::new(module().public_key())
        .name("counter")
        .tag("demo")
        .capability("wascc:http_server")
        .capability("wascc:keyvalue")
        .revision(7)
        .version("1.2.0")
        .call_alias("ctr")
        .id("golden-1")
        .issued_at(1_700_000_000)
        .not_before(1_600_000_000)
        .expires_at(1_900_000_000);
    let signed = sign_module(&one_type(), &claims, &account()).unwrap();
    assert_eq!(
        extract(&signed).unwrap(),
        concat!(
            "eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0.",
            "eyJleHAiOjE5MDAwMDAwMDAsImp0aSI6ImdvbGRlbi0xIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJBQ0ZJUlk2NU9RRTdERlA1S0xOUzJQRjJMV",
            "lpNVVpZSlg0T1pJRVEzNk4ySVFBTlVCNVhWWVlPVSIsInN1YiI6Ik1DQVRTNVlPVkI2Uk9YMldVTktHTlEyTVAzR01YRE1LU0cyTzRONUNMWDNBNl",
            "c0UFpHWlpKUFVMIiwibmJmIjoxNjAwMDAwMDAwLCJ3YXNjYXAiOnsibmFtZSI6ImNvdW50ZXIiLCJoYXNoIjoiOTY4RTk4QUNEM0UyODk4NTY5NDQ",
            "xQzE3Njk4NDVCQzNBRDc5NjE2NDU4RkZDRDFDQ0UzNUZBREI0OEZGNzM4MSIsInRhZ3MiOlsiZGVtbyJdLCJjYXBzIjpbIndhc2NjOmh0dHBfc2Vy",
            "dmVyIiwid2FzY2M6a2V5dmFsdWUiXSwicmV2Ijo3LCJ2ZXIiOiIxLjIuMCIsImNhbGxfYWxpYXMiOiJjdHIiLCJwcm92IjpmYWxzZX0sIndhc2Nhc",
            "F9yZXZpc2lvbiI6M30.",
            "t_jHOiAn4E9KP9iUqjcoWzWw09wJk51TUGkc8BOtliIc2Ko4cWMVuoXt3op1-pQHppDkjGkaU9qt5KGCPjb3AQ",
        )
    );
}

#[test]
fn a_token_with_only_what_must_be_in_it() {
    let claims = ClaimsBuilder::new(module().public_key()).id("golden-2").issued_at(1_700_000_000);
    let signed = sign_module(&one_type(), &claims, &account()).unwrap();
    assert_eq!(
        extract(&signed).unwrap(),
        concat!(
            "eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0.",
            "eyJqdGkiOiJnb2xkZW4tMiIsImlhdCI6MTcwMDAwMDAwMCwiaXNzIjoiQUNGSVJZNjVPUUU3REZQNUtMTlMyUEYyTFZaTVVaWUpYNE9aSUVRMzZOM",
            "klRQU5VQjVYVllZT1UiLCJzdWIiOiJNQ0FUUzVZT1ZCNlJPWDJXVU5LR05RMk1QM0dNWERNS1NHMk80TjVDTFgzQTZXNFBaR1paSlBVTCIsIndhc2",
            "NhcCI6eyJoYXNoIjoiOTY4RTk4QUNEM0UyODk4NTY5NDQxQzE3Njk4NDVCQzNBRDc5NjE2NDU4RkZDRDFDQ0UzNUZBREI0OEZGNzM4MSIsInByb3Y",
            "iOmZhbHNlfSwid2FzY2FwX3JldmlzaW9uIjozfQ.",
            "FaZDzPRHUBO1UCxZ7pcBzz_ziI9TeP_167_Oq7qKKsQhOqcqTd9XYHimq2VLdrRAmJFp6lvF-QUweXf6-KYKDw",
        )
    );
}

#[test]
fn an_account_token() {
    let token = AccountBuilder::new(account().public_key())
        .name("team red")
        .id("golden-3")
        .issued_at(1_700_000_000)
        .issue(&operator())
        .unwrap();
    assert_eq!(
        token,
        concat!(
            "eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0.",
            "eyJqdGkiOiJnb2xkZW4tMyIsImlhdCI6MTcwMDAwMDAwMCwiaXNzIjoiT0RXVVNLR0dGREk0RlJYSzVFQlRSRUNaU1ZRU1NXSkhISk9HSDZKV0czQ",
            "VVNRkZNUTQzNURJTEYiLCJzdWIiOiJBQ0ZJUlk2NU9RRTdERlA1S0xOUzJQRjJMVlpNVVpZSlg0T1pJRVEzNk4ySVFBTlVCNVhWWVlPVSIsIndhc2",
            "NhcCI6eyJuYW1lIjoidGVhbSByZWQiLCJ2YWxpZF9zaWduZXJzIjpbXX0sIndhc2NhcF9yZXZpc2lvbiI6M30.",
            "AbghugcUcQydqhQ1G96i10crfZTQtMbAh44t9Jbr-O9kWjAB_qlh_xiZr5sZrip2_c-wrLXLHaTeLqMC6qnNBg",
        )
    );
}

#[test]
fn tokens_without_a_given_id_get_different_ones() {
    let id = || {
        let signed = sign_module(&one_type(), &common::claims(), &account()).unwrap();
        capability_claims::inspect(&signed).unwrap().claims.id().to_owned()
    };
    let (one, two) = (id(), id());
    assert_ne!(one, two);
    assert_eq!(one.len(), 26, "128 bits in base32");
}
