//! The faults of the first edition of the protocol, each as the small case that shows it.

use std::time::Duration;

use crate::explore::{Scenario, Step};
use crate::history::Action::{self, *};
use crate::world::Setup;

pub const K1: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const K2_K1: &str = "k2:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA,\
    k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const K2: &str = "k2:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";

/// Plans that begin at once.
pub fn together(plans: &[&[Action]]) -> Vec<Vec<Step>> {
    let steps =
        |plan: &[Action]| plan.iter().map(|&action| Step { action, after: Vec::new() }).collect();
    plans.iter().map(|plan| steps(plan)).collect()
}

/// Plans of which each begins when the one before has ended.
pub fn in_turn(plans: &[&[Action]]) -> Vec<Vec<Step>> {
    let mut steps = together(plans);
    for (client, plan) in steps.iter_mut().enumerate().skip(1) {
        plan[0].after = vec![client - 1];
    }
    steps
}

fn case(name: &str, plans: Vec<Vec<Step>>, faults: usize) -> Scenario {
    Scenario {
        name: name.to_owned(),
        setup: Setup::of(plans.len()),
        legacy: false,
        before: vec![Register(2)],
        plans,
        afterwards: vec![Right(0)],
        faults,
    }
}

/// Two operations on an enrollment at once, one of them followed by others.
pub fn pair(first: Action, second: Action, then: &[Action], faults: usize) -> Scenario {
    let plan = [&[first], then].concat();
    let mut scenario = case(
        &format!("{first:?}, {then:?} beside {second:?}"),
        together(&[&plan, &[second]]),
        faults,
    );
    scenario.setup.keys = vec![K1.to_owned(); 2];
    if [first, second].contains(&Confirm) || then.contains(&Confirm) {
        scenario.before.push(Rotate);
    }
    scenario.afterwards = vec![Right(0), Redeem(0), Redeem(1)];
    scenario
}

fn with_burst(mut scenario: Scenario, burst: u32) -> Scenario {
    scenario.setup.policy = (burst, Duration::from_hours(12), 100);
    scenario
}

/// Every one broke a promise in the first edition, or would in the life of an enrollment.
#[expect(clippy::too_many_lines, reason = "a list")]
pub fn known() -> Vec<Scenario> {
    let years = 24 * 365 * 10 * 3_600_000;
    vec![
        case("a late deletion meets a new registration", together(&[&[Delete, Register(0)]]), 1),
        case(
            "a deletion's lost reply and a registration beside it",
            together(&[&[Delete], &[Register(0)]]),
            1,
        ),
        Scenario {
            before: Vec::new(),
            afterwards: Vec::new(),
            ..case(
                "a late registration brings a deleted user back",
                together(&[&[Register(0), Right(0), Delete, Replay]]),
                1,
            )
        },
        Scenario {
            before: Vec::new(),
            ..case(
                "a registration without an answer arrives after the deletion",
                in_turn(&[&[Register(0)], &[Delete, Register(0)]]),
                1,
            )
        },
        case(
            "late recovery codes make a used one good again",
            together(&[&[NewCodes(1), Redeem(0), Redeem(0)]]),
            1,
        ),
        case(
            "late recovery codes of a deleted enrollment",
            in_turn(&[&[NewCodes(2)], &[Delete, Register(2), Redeem(0)]]),
            1,
        ),
        with_burst(case("a late unlock", in_turn(&[&[Wrong, Unlock], &[Wrong, Wrong]]), 1), 1),
        Scenario {
            setup: Setup {
                keys: vec![K1.to_owned(), K2_K1.to_owned(), K2.to_owned()],
                ..Setup::of(3)
            },
            legacy: true,
            before: Vec::new(),
            afterwards: Vec::new(),
            ..case(
                "a late reseal under a key that is dropped",
                in_turn(&[&[Reseal], &[Reseal], &[Right(0)]]),
                1,
            )
        },
        Scenario {
            setup: Setup { skews_ms: vec![0, years], ..Setup::of(2) },
            ..case("a guess by a fast clock", together(&[&[], &[Wrong]]), 0)
        },
        Scenario {
            setup: Setup { skews_ms: vec![0, -20_000, 0], ..Setup::of(3) },
            ..case(
                "an unlock by a clock that is behind makes a used code good again",
                in_turn(&[&[Right(1)], &[Unlock], &[Replay]]),
                0,
            )
        },
        case(
            "a deletion's lost reply, and another deletion after a registration",
            together(&[&[Delete], &[Register(0), Delete]]),
            1,
        ),
        Scenario {
            before: vec![Register(2), Delete],
            afterwards: Vec::new(),
            ..case("a deletion of nobody after a refused connection", together(&[&[Delete]]), 1)
        },
        with_burst(
            case(
                "an unlock between reservation and acceptance",
                together(&[&[Right(0)], &[Unlock, Wrong, Wrong]]),
                0,
            ),
            1,
        ),
        case(
            "a recovery code's lost reply while another is used",
            together(&[&[Redeem(0)], &[Redeem(1)]]),
            1,
        ),
        case(
            "a late rotation takes the place of the next one",
            together(&[&[Rotate, Rotate, Confirm]]),
            1,
        ),
        case(
            "a late confirmation after the old phone was used",
            in_turn(&[&[Rotate, Confirm], &[Right(0)]]),
            1,
        ),
        case(
            "a late confirmation after a new rotation",
            in_turn(&[&[Rotate, Confirm], &[Rotate, Pending]]),
            1,
        ),
        case(
            "a confirmation's lost reply, and the new phone used beside it",
            together(&[&[Rotate, Confirm], &[Right(0)]]),
            1,
        ),
        case("a pending secret and the old one", together(&[&[Rotate, Pending, ConfirmOld]]), 0),
        case(
            "a login and a confirmation at once",
            together(&[&[Rotate, Confirm, Old], &[Right(0)]]),
            1,
        ),
        case("starting again beside a login", together(&[&[Replace(1)], &[Right(0)]]), 1),
        case("starting again when it is late", together(&[&[Right(0), Replace(1)]]), 1),
        Scenario {
            legacy: true,
            before: Vec::new(),
            ..case("starting again over one of the original", together(&[&[Replace(0)]]), 0)
        },
        with_burst(
            case("guesses at both secrets", together(&[&[Rotate, Wrong, ConfirmWrong]]), 0),
            1,
        ),
        with_burst(
            Scenario {
                afterwards: vec![Redeem(0)],
                ..case("made-up recovery codes spend the budget", together(&[&[MadeUp]]), 0)
            },
            1,
        ),
    ]
}
