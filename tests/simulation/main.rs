//! The real verifier and store over a simulated network: requests are lost, doubled, held
//! back and carried out late, replies are lost, clients die and clocks are wrong.
//!
//! `make simulate` runs a million operations, and all small cases.

#![allow(unreachable_pub, reason = "a test has no outside")]
#![allow(clippy::print_stdout, reason = "how much was explored is a result")]

mod explore;
mod expression;
mod history;
mod scenarios;
mod storm;
mod table;
mod world;

use std::fmt::Write as _;
use std::time::Instant;

use explore::Scenario;
use history::Action::{Delete, NewCodes, Redeem, Register, Reseal, Right, Unlock, Wrong};

/// A number from the environment: how much there is to do.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Explores scenarios; fails with the history of each promise that was broken.
fn hold(scenarios: Vec<Scenario>) {
    let begun = Instant::now();
    let (mut cases, mut operations, mut requests) = (0, 0, 0);
    let mut broken = String::new();
    for scenario in scenarios {
        let explored = scenario.explore(1);
        cases += explored.runs;
        operations += explored.operations;
        requests += explored.requests;
        for (violation, story) in explored.violations {
            writeln!(broken, "{}: {violation}\n{story}", scenario.name).expect("room");
        }
    }
    println!(
        "{cases} cases, {operations} operations, {requests} requests in {:.1?}",
        begun.elapsed()
    );
    assert!(broken.is_empty(), "{broken}");
}

/// What was wrong with the first edition of the protocol.
#[test]
fn known_faults() {
    hold(scenarios::known());
}

/// Every pair of operations on an enrollment, with a third one after the first, in every
/// order, with faults in every place.
#[test]
fn small_cases() {
    let actions = [Register(2), Right(0), Wrong, Delete, Unlock, NewCodes(2), Redeem(0), Reseal];
    let thorough = number("SIMULATION_FAULTS", 0) > 0;
    let mut scenarios = Vec::new();
    for (place, &first) in actions.iter().enumerate() {
        for &second in &actions[place..] {
            let faults = usize::try_from(number("SIMULATION_FAULTS", 1)).expect("a few");
            scenarios.push(scenarios::pair(first, second, &[], faults));
            if thorough {
                for third in [Register(1), Right(1), Delete, NewCodes(1), Redeem(1)] {
                    scenarios.push(scenarios::pair(first, second, &[third], 1));
                }
            }
        }
    }
    hold(scenarios);
}

/// Random runs. `SIMULATION_SEED` begins with that run; `SIMULATION_OPERATIONS` is how many
/// operations there are at least.
#[test]
fn storms() {
    let least = number("SIMULATION_OPERATIONS", 1000);
    let begun = Instant::now();
    let (mut operations, mut requests, mut runs) = (0, 0, 0);
    for seed in number("SIMULATION_SEED", 0).. {
        let storm = storm::Storm::new(seed, 60);
        let (world, violation) = block_on(storm.run(false));
        operations += world.history.records.len() as u64;
        requests += world.requests;
        runs += 1;
        if let Some(violation) = violation {
            let (world, _) = block_on(block_on(storm.shrink(violation.promise)).run(true));
            let story = world.story.unwrap_or_default();
            panic!("SIMULATION_SEED={seed}: {violation}; the shortest such run:\n{story}");
        }
        if operations >= least {
            break;
        }
    }
    let took = begun.elapsed();
    println!(
        "{runs} runs, {operations} operations, {requests} requests in {took:.1?}: {:.0} \
         operations/s, 0 violations",
        f64::from(u32::try_from(operations).expect("fewer")) / took.as_secs_f64()
    );
}
