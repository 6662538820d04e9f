//! Items, as a table may hold them that others write to: a record, or an error that
//! names the user and the attribute at fault. Never a panic.
//!
//! The input is text, a line an attribute: `name TYPE value`. So the seeds can be read,
//! and what mutates stays an item.

#![no_main]

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue::{self, B, Bool, Bs, L, M, N, Ns, Null, S, Ss};
use lambdatotp::otp::{Secret, Totp};
use lambdatotp::store::{Enrolled, KeyRing, NewUser, StoreError, fuzzing};
use lambdatotp::verifier::Policy;
use libfuzzer_sys::fuzz_target;

const USER: &str = "ana@example.com";
const ENROLLMENT_ID: &str = "id";
const NOW: u64 = 1_800_000_000;

static KEYS: LazyLock<KeyRing> = LazyLock::new(|| {
    KeyRing::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a key")
});
/// A secret that `KEYS` opens: what the line `sealed B genuine` stands for.
static GENUINE: LazyLock<AttributeValue> = LazyLock::new(|| {
    let totp = Totp::new(Secret::from_bytes(b"12345678901234567890").expect("160 bits"));
    register(&totp, &KEYS).remove("sealed").expect("sealed")
});

type Attributes = HashMap<String, AttributeValue>;

fn register(totp: &Totp, keys: &KeyRing) -> Attributes {
    let user = NewUser {
        user: USER,
        totp,
        registered_at: NOW,
        expires_at: None,
        generated: true,
        recovery: Vec::new(),
    };
    fuzzing::attributes(&user, ENROLLMENT_ID, keys).expect("an item")
}

fn attribute(kind: &str, value: &str) -> AttributeValue {
    let text = || value.to_owned();
    match kind {
        "S" => S(text()),
        "N" => N(text()),
        "B" if value == "genuine" => GENUINE.clone(),
        "B" => B(Blob::new(value)),
        "SS" => Ss(vec![text()]),
        "NS" => Ns(vec![text()]),
        "BS" => Bs(vec![Blob::new(value)]),
        "L" => L(vec![S(text())]),
        "M" => M(HashMap::from([(text(), N(text()))])),
        "BOOL" => Bool(value == "true"),
        _ => Null(true),
    }
}

fn item(text: &str) -> Attributes {
    let attributes = text.lines().map(|line| {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (kind, value) = rest.split_once(' ').unwrap_or((rest, ""));
        (name.to_owned(), attribute(kind, value))
    });
    attributes.collect()
}

/// A whole number in the range, with a minus only where the range has one.
fn whole(text: &str, range: RangeInclusive<i128>) -> bool {
    let signs: &[char] = if *range.start() < 0 { &['+', '-'] } else { &['+'] };
    let digits = text.strip_prefix(signs).unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse().is_ok_and(|number| range.contains(&number))
}

/// What an attribute may be, said a second time.
fn sound(name: &str, attributes: &Attributes) -> bool {
    let sealed = attributes.contains_key("sealed");
    match (name, attributes.get(name)) {
        ("secret", Some(S(text))) => sealed || text.parse::<Secret>().is_ok(),
        ("secret", None) => sealed,
        ("sealed_by" | "enrollment_id", None) => !sealed,
        // Read with what is sealed, or not at all.
        ("sealed_by", Some(value)) => value.is_s() || !sealed,
        (_, None)
        | ("sealed", Some(B(_)))
        | ("enrollment_id" | "unlock_id", Some(S(_)))
        | ("recovery", Some(Ss(_))) => true,
        ("algorithm", Some(S(text))) => {
            let plain = text.replace('-', "").to_ascii_uppercase();
            ["SHA1", "SHA256", "SHA512"].contains(&plain.as_str())
        }
        ("digits", Some(N(text))) => whole(text, 6..=8),
        ("period", Some(N(text))) => whole(text, 1..=120),
        ("last_step" | "misses", Some(N(text))) => whole(text, 0..=u64::MAX.into()),
        ("throttle_at", Some(N(text))) => whole(text, i64::MIN.into()..=i64::MAX.into()),
        _ => false,
    }
}

/// Whether the keys open what is sealed: as it was sealed, for its enrollment and with its
/// parameters, which are the defaults.
fn opens(attributes: &Attributes) -> bool {
    let text = |name: &str| match attributes.get(name) {
        Some(S(text) | N(text)) => Some(text.as_str()),
        _ => None,
    };
    let sha1 = |text: &str| text.replace('-', "").eq_ignore_ascii_case("SHA1");
    let number = |name, default: u32| text(name).is_none_or(|text| text.parse() == Ok(default));
    attributes.get("sealed") == Some(&*GENUINE)
        && text("sealed_by") == Some("k1/2")
        && text("enrollment_id") == Some(ENROLLMENT_ID)
        && text("algorithm").is_none_or(sha1)
        && number("digits", 6)
        && number("period", 30)
}

/// The verdict is the one that follows from `names`, and an error says whose item is
/// damaged and where.
fn check<T>(result: Result<T, StoreError>, attributes: &Attributes, names: &[&str]) -> Option<T> {
    match result {
        Ok(value) => {
            assert!(names.iter().all(|name| sound(name, attributes)), "{attributes:?}");
            Some(value)
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(USER), "{message}");
            match error {
                StoreError::Corrupt { user, field, .. } => {
                    assert!(user == USER && message.contains(field), "{message}");
                    assert!(names.contains(&field) && !sound(field, attributes), "{message}");
                }
                StoreError::Configuration(_) => {
                    assert!(attributes.contains_key("sealed") && !opens(attributes), "{message}");
                }
                _ => panic!("{message}"),
            }
            None
        }
    }
}

fuzz_target!(|text: &str| {
    let attributes = item(text);

    let now_ms = NOW.cast_signed() * 1000;
    let charge = fuzzing::charge(USER, &attributes, &Policy::default(), now_ms);
    check(charge, &attributes, &["throttle_at", "misses"]);

    let names = [
        "secret",
        "sealed",
        "sealed_by",
        "enrollment_id",
        "algorithm",
        "digits",
        "period",
        "last_step",
        "throttle_at",
        "misses",
        "recovery",
        "unlock_id",
    ];
    let record = fuzzing::record(USER, &attributes, &KEYS);
    let Some(record) = check(record, &attributes, &names) else { return };
    let stored = |name| match attributes.get(name) {
        Some(S(text) | N(text)) => Some(text.as_str()),
        _ => None,
    };
    let sealed = attributes.contains_key("sealed");
    assert_eq!(opens(&attributes), sealed);
    assert_eq!(record.sealed_by.as_deref(), sealed.then_some("k1"));
    assert_eq!(record.last_step, stored("last_step").and_then(|text| text.parse().ok()));
    match &record.enrolled {
        Enrolled::Id(id) => assert_eq!(Some(id.as_str()), stored("enrollment_id")),
        Enrolled::Legacy(secret) => {
            assert_eq!((Some(secret.as_str()), None), (stored("secret"), stored("enrollment_id")));
        }
    }

    // Whatever the last step was, checking a code comes to an end.
    let code = record.totp.code_at(NOW);
    let step = record.totp.verify_after(&code, NOW, 10, record.last_step);
    assert!(step.is_none_or(|step| record.last_step.is_none_or(|used| step > used)));

    // What registering writes for the same parameters reads back, sealed or not.
    for keys in [&KeyRing::default(), &*KEYS] {
        let read = fuzzing::record(USER, &register(&record.totp, keys), keys).expect("own item");
        assert_eq!(read.totp, record.totp);
        assert_eq!((read.enrolled, read.last_step), (Enrolled::Id(ENROLLMENT_ID.into()), None));
    }
});
