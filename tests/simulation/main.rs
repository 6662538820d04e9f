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

/// A number from the environment: how much there is to do.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// The protocol's first edition has them all.
#[test]
fn known_faults_are_found() {
    for scenario in scenarios::known() {
        let explored = scenario.explore(1);
        println!("{}: {} runs", scenario.name, explored.runs);
        assert!(!explored.violations.is_empty(), "{}: not found", scenario.name);
    }
}

#[test]
fn storms() {
    let least = number("SIMULATION_OPERATIONS", 1000);
    let begun = Instant::now();
    let mut operations = 0;
    let mut found = BTreeMap::new();
    for seed in number("SIMULATION_SEED", 0).. {
        let storm = storm::Storm::new(seed, 60);
        let (world, violation) = block_on(storm.run(false));
        operations += world.history.records.len() as u64;
        if let Some(violation) = violation {
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
