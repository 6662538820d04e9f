//! The RFCs' own test values, from the files that the Python tests read too.

use lambdatotp::otp::{Algorithm, Code, Digits, Hotp, Period, RecoveryCode, Secret, Totp};
use proptest::prelude::{prop_assert_eq, proptest};
use serde_json::Value;

fn load(text: &str) -> Value {
    serde_json::from_str(text).expect("a vector file")
}

fn secret(hex: &Value) -> Secret {
    let hex = hex.as_str().expect("hex digits");
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex digits");
    Secret::from_bytes(&bytes).expect("a key")
}

#[test]
fn rfc_4226_appendix_d() {
    let vectors = load(include_str!("vectors/rfc4226.json"));
    let hotp = Hotp::new(secret(&vectors["secret_hex"]));
    let rows = vectors["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 10);
    for row in rows {
        let counter = row["counter"].as_u64().expect("a counter");
        let code = row["code"].as_str().expect("a code");
        assert_eq!(hotp.code(counter).as_str(), code);
        let code = Code::parse(code).expect("a code");
        assert_eq!(hotp.verify(&code, 0, 9), Some(counter));
        assert_eq!(hotp.verify(&code, counter + 1, 0), None);
    }
}

#[test]
fn rfc_6238_appendix_b() {
    let vectors = load(include_str!("vectors/rfc6238.json"));
    let digits = Digits::new(vectors["digits"].as_u64().expect("digits")).expect("6 to 8");
    let period = Period::new(vectors["period"].as_u64().expect("seconds")).expect("up to 120");
    let rows = vectors["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 18);
    for row in rows {
        let name = row["algorithm"].as_str().expect("a name");
        let algorithm: Algorithm = name.parse().expect("a name");
        let seconds = row["unix_seconds"].as_u64().expect("seconds");
        let code = row["code"].as_str().expect("a code");

        let seed = secret(&vectors["secrets_hex"][name]);
        let totp = Totp::with(seed, algorithm, digits, period);
        assert_eq!(totp.code_at(seconds).as_str(), code, "{name} at {seconds}");
        let parsed = Code::parse(code).expect("a code");
        assert_eq!(totp.verify(&parsed, seconds, 0), Some(seconds / 30));

        // The RFC's text names one 20-byte seed; its values need longer ones.
        let short = secret(&vectors["secrets_hex"]["SHA1"]);
        let totp = Totp::with(short, algorithm, digits, period);
        assert_eq!(totp.code_at(seconds).as_str() == code, algorithm == Algorithm::Sha1);
    }
}

#[test]
fn codes_as_people_paste_them() {
    let vectors = load(include_str!("vectors/typed_codes.json"));
    let rows = |name: &str| {
        let rows = vectors[name].as_array().expect("rows").iter();
        rows.map(|row| (row[0].as_str().expect("a text"), row[1].as_str())).collect::<Vec<_>>()
    };
    for (text, expected) in rows("codes") {
        assert_eq!(Code::parse(text).as_ref().map(Code::as_str), expected, "{text:?}");
    }
    for (text, expected) in rows("recovery_codes") {
        let code = RecoveryCode::parse(text).map(|code| code.to_text().to_string());
        assert_eq!(code.as_deref(), expected, "{text:?}");
    }
}

proptest! {
    /// Whatever stands around and between the digits: a code, or not, by the digits alone.
    #[test]
    fn separators_never_matter(
        digits in proptest::collection::vec("[0-9\u{ff10}-\u{ff19}\u{660}-\u{669}]", 0..12),
        between in r"[\p{White_Space}\p{Dash}\p{Default_Ignorable_Code_Point}]{0,4}",
    ) {
        let plain = Code::parse(&digits.concat()).map(|code| code.as_str().to_owned());
        prop_assert_eq!(plain.is_some(), (6..=8).contains(&digits.len()));
        let pasted = format!("{between}{}{between}", digits.join(&between));
        prop_assert_eq!(Code::parse(&pasted).map(|code| code.as_str().to_owned()), plain);
    }

    /// One character of any other kind, anywhere, and it is not a code.
    #[test]
    fn nothing_else_is_ignored(
        stranger in r"[^\p{White_Space}\p{Dash}\p{Default_Ignorable_Code_Point}\p{Nd}]",
        at in 0_usize..=6,
    ) {
        let (before, after) = "123456".split_at(at);
        prop_assert_eq!(Code::parse(&format!("{before}{stranger}{after}")), None);
    }
}
