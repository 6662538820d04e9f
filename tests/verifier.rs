//! The verifier on the embedded engine, with the clock in hand.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lambdatotp::otp::Totp;
use lambdatotp::store::{Settings, StoreError};
use lambdatotp::verifier::{self, Config, Policy, Registration, Verifier, VerifierError, Window};
use proptest::prelude::*;

const START: u64 = 1_700_000_000;
const USERS: [&str; 2] = ["ana", "bob"];

fn verifier(policy: Policy, window: u64) -> Verifier {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let number = TABLES.fetch_add(1, Ordering::Relaxed);
    let store = Settings { embedded: Some(":memory:".to_owned()), ..Settings::default() };
    let table_name = format!("users_{number}");
    let window = Window::new(window).expect("up to 10");
    Verifier::new(Config { table_name, policy, window, store, ..Config::default() }).expect("valid")
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(future)
}

#[derive(Debug, Clone)]
enum Step {
    Register(usize),
    /// The code of a step so many steps from now.
    Right(usize, i64),
    Wrong(usize),
    Delete(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..USERS.len();
    prop_oneof![
        1 => user.clone().prop_map(Step::Register),
        4 => (user.clone(), -3..=3_i64).prop_map(|(user, offset)| Step::Right(user, offset)),
        5 => user.clone().prop_map(Step::Wrong),
        1 => user.prop_map(Step::Delete),
        3 => prop_oneof![0..40_u64, 0..2000_u64].prop_map(Step::Wait),
    ]
}

/// What the promises say, in other words than the store's: a bucket of attempts that
/// fills with time, a run of misses, and a set of used steps.
struct Model {
    totp: Totp,
    attempts: f64,
    filled_at: u64,
    misses: u32,
    used: Option<u64>,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Verdict {
        outcome: verifier::Outcome,
        step: Option<u64>,
        first: bool,
        attempts_left: Option<u32>,
    },
    Throttled,
    Locked,
    NotFound,
    Exists,
    Done,
}

fn outcome<T>(result: Result<T, VerifierError>, done: impl FnOnce(T) -> Outcome) -> Outcome {
    match result {
        Ok(value) => done(value),
        Err(VerifierError::TooManyAttempts { .. }) => Outcome::Throttled,
        Err(VerifierError::Locked) => Outcome::Locked,
        Err(VerifierError::UserNotFound) => Outcome::NotFound,
        Err(VerifierError::UserExists) => Outcome::Exists,
        Err(error) => panic!("{error}"),
    }
}

fn verdict(given: verifier::Verification) -> Outcome {
    let verifier::Verification { outcome, step, first, attempts_left, .. } = given;
    Outcome::Verdict { outcome, step, first, attempts_left }
}

impl Model {
    fn new(totp: Totp, policy: &Policy, now: u64) -> Self {
        Self { totp, attempts: policy.burst().into(), filled_at: now, misses: 0, used: None }
    }

    fn verify(&mut self, code: &str, policy: &Policy, window: u64, now: u64) -> Outcome {
        let waited = Duration::from_secs(now - self.filled_at).div_duration_f64(policy.refill());
        self.attempts = (self.attempts + waited).min(policy.burst().into());
        self.filled_at = now;
        if self.misses >= policy.max_misses() {
            return Outcome::Locked;
        }
        // A hair of tolerance: the table counts in whole milliseconds.
        if self.attempts < 1.0 - 1e-9 {
            return Outcome::Throttled;
        }
        self.attempts -= 1.0;
        self.misses += 1;
        let step = now / 30;
        let matching = (step - window..=step + window)
            .filter(|&step| self.totp.code_for_step(step).as_str() == code)
            .max();
        let first = self.used.is_none();
        let (outcome, step) = match matching {
            Some(step) if self.used.is_none_or(|used| used < step) => {
                self.attempts += 1.0;
                self.misses = 0;
                self.used = Some(step);
                (verifier::Outcome::Accepted, Some(step))
            }
            Some(_) => (verifier::Outcome::Replayed, None),
            None => (verifier::Outcome::Rejected, None),
        };
        let until_locked = policy.max_misses() - self.misses;
        // A hair again.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let left = (self.attempts + 1e-9) as u32;
        Outcome::Verdict {
            outcome,
            step,
            first: first && step.is_some(),
            attempts_left: Some(left.min(until_locked)),
        }
    }
}

/// A code that no step near now has.
fn wrong_code(totp: &Totp, now: u64) -> String {
    let near: HashSet<String> =
        (now / 30 - 9..=now / 30 + 9).map(|s| totp.code_for_step(s).as_str().to_owned()).collect();
    (0..1_000_000)
        .map(|n| format!("{n:06}"))
        .find(|code| !near.contains(code))
        .expect("a million codes")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn does_what_the_model_says(
        steps in prop::collection::vec(step(), 1..80),
        burst in 1..=6_u32,
        refill in 1..=900_u64,
        max_misses in 2..=20_u32,
        window in 0..=2_u64,
    ) {
        let policy = Policy::new(burst, Duration::from_secs(refill), max_misses).expect("in range");
        let verifier = verifier(policy, window);
        run(async {
            let mut now = START;
            let mut users: HashMap<usize, Model> = HashMap::new();
            for step in steps {
                let (expected, got) = match step {
                    Step::Wait(seconds) => {
                        now += seconds;
                        continue;
                    }
                    Step::Register(user) => {
                        let result = verifier.register(USERS[user], Registration::default()).await;
                        let expected =
                            if users.contains_key(&user) { Outcome::Exists } else { Outcome::Done };
                        if let Ok(enrollment) = &result {
                            let totp = Totp::new(enrollment.uri().secret.clone());
                            users.insert(user, Model::new(totp, &policy, now));
                        }
                        (expected, outcome(result, |_| Outcome::Done))
                    }
                    Step::Delete(user) => {
                        let known = users.remove(&user).is_some();
                        let expected = if known { Outcome::Done } else { Outcome::NotFound };
                        (expected, outcome(verifier.delete(USERS[user]).await, |()| Outcome::Done))
                    }
                    Step::Right(user, _) | Step::Wrong(user) => {
                        let model = users.get_mut(&user);
                        let code = match (&model, &step) {
                            (None, _) => "123456".to_owned(),
                            (Some(model), Step::Right(_, offset)) => {
                                let step = (now / 30).saturating_add_signed(*offset);
                                model.totp.code_for_step(step).as_str().to_owned()
                            }
                            (Some(model), _) => wrong_code(&model.totp, now),
                        };
                        let expected = match model {
                            Some(model) => model.verify(&code, &policy, window, now),
                            None => Outcome::NotFound,
                        };
                        let time = Duration::from_secs(now);
                        let result = verifier.verify_at(USERS[user], &code, time).await;
                        (expected, outcome(result, verdict))
                    }
                };
                prop_assert_eq!(expected, got, "{:?} at {}", step, now - START);
            }
            Ok(())
        })?;
    }

    /// Whatever the clocks of the Lambdas say, one code is good for one login.
    #[test]
    fn a_step_is_used_once_under_any_clocks(
        clocks in prop::collection::vec((0..600_u64, -2..=2_i64), 1..40),
    ) {
        let policy = Policy::new(100, Duration::from_millis(1), 100).expect("in range");
        let verifier = verifier(policy, 1);
        run(async {
            let enrollment = verifier.register("ana", Registration::default()).await.expect("new");
            let totp = Totp::new(enrollment.uri().secret.clone());
            let mut used = Vec::new();
            for (seconds, offset) in clocks {
                let now = START + seconds;
                let code = totp.code_for_step((now / 30).saturating_add_signed(offset));
                let verdict = verifier.verify_at("ana", code.as_str(), Duration::from_secs(now)).await;
                if let Ok(verifier::Verification { step: Some(step), .. }) = verdict {
                    prop_assert!(used.iter().all(|&before| before < step));
                    used.push(step);
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_table_in_a_file_is_still_there() {
    let folder = std::env::temp_dir().join(format!("lambdatotp-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let at = folder.join("users.db");
    let config = || {
        let embedded = Some(at.to_str().expect("UTF-8").to_owned());
        Config { store: Settings { embedded, ..Settings::default() }, ..Config::default() }
    };
    let enrollment =
        run(Verifier::new(config()).expect("valid").register("ana", Registration::default()));
    let totp = Totp::new(enrollment.expect("new").uri().secret.clone());
    let again = Verifier::new(config()).expect("valid");
    let now = Duration::from_secs(START);
    let verdict = run(again.verify_at("ana", totp.code_at(START).as_str(), now));
    assert_eq!(verdict.expect("a verdict").step, Some(START / 30));
    std::fs::remove_dir_all(folder).expect("removable");
}

#[test]
fn a_missing_folder_is_named() {
    let embedded = Some("/nowhere/users.db".to_owned());
    let store = Settings { embedded, ..Settings::default() };
    let verifier = Verifier::new(Config { store, ..Config::default() }).expect("no I/O yet");
    let Err(VerifierError::Store(StoreError::Configuration(why))) =
        run(verifier.register("ana", Registration::default()))
    else {
        panic!("opened a file in no folder");
    };
    assert!(why.contains("/nowhere/users.db"), "{why}");
}
