//! The real verifier and store over a simulated network: requests are lost, doubled, held
//! back and carried out late, replies are lost, clients die and clocks are wrong.
//!
//! `make simulate` runs a million operations, and all small cases.

#![allow(unreachable_pub, reason = "a test has no outside")]

mod explore;
mod expression;
mod history;
mod scenarios;
mod storm;
mod table;
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use explore::Scenario;

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
            broken.push_str(&format!("{}: {violation}\n{story}\n", scenario.name));
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

#[test]
fn storms() {
    let least = number("SIMULATION_OPERATIONS", 1000);
    let begun = Instant::now();
    let mut operations = 0;
    let mut found = BTreeMap::new();
    for seed in number("SIMULATION_SEED", 0).. {
        if number("SIMULATION_TELL", 0) > 0 {
            println!("seed {seed}");
        }
        let storm = storm::Storm::new(seed, 60);
        let (world, violation) = block_on(storm.run(number("SIMULATION_TELL", 0) > 0));
        operations += world.history.records.len() as u64;
        if let Some(violation) = violation {
            println!("seed {seed}: {violation}");
            let first = !found.contains_key(violation.promise);
            *found.entry(violation.promise).or_insert(0) += 1;
            if first {
                let short = block_on(storm.shrink(violation.promise));
                let (world, violation) = block_on(short.run(true));
                println!(
                    "seed {seed}: {}\n{}",
                    violation.expect("still"),
                    world.story.unwrap_or_default()
                );
            }
        }
        if operations >= least {
            break;
        }
    }
    println!("{operations} operations, {:?}, {found:?}", begun.elapsed());
}
