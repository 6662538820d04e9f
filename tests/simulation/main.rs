//! The real verifier and store over a simulated network: requests are lost, doubled, held
//! back and carried out late, replies are lost, clients die and clocks are wrong.
//!
//! `make simulate` runs a million operations, and all small cases.

#![allow(unreachable_pub, reason = "a test has no outside")]
#![allow(clippy::print_stdout, reason = "how much was explored is a result")]

mod explore;
mod expression;
mod history;
mod regions;
mod scenarios;
mod storm;
mod table;
mod world;

use std::fmt::Write as _;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use explore::Scenario;
use history::Action::{
    Confirm, Delete, NewCodes, Redeem, Register, Replace, Reseal, Right, Rotate, Unlock, Wrong,
};

/// A number from the environment: how much there is to do.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Runs a task on each processor.
fn on_every_processor(task: impl Fn() + Sync) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(&task)).collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                resume_unwind(panic);
            }
        }
    });
}

/// Explores scenarios; fails with the history of each promise that was broken.
fn hold(scenarios: &[Scenario]) {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let sum = Mutex::new((0, 0, 0, String::new()));
    on_every_processor(|| {
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Relaxed)) {
            let explored = scenario.explore(1);
            let mut sum = sum.lock().expect("no panic");
            sum.0 += explored.runs;
            sum.1 += explored.operations;
            sum.2 += explored.requests;
            for (violation, story) in explored.violations {
                writeln!(sum.3, "{}: {violation}\n{story}", scenario.name).expect("room");
            }
        }
    });
    let (cases, operations, requests, broken) = sum.into_inner().expect("no panic");
    println!(
        "{cases} cases, {operations} operations, {requests} requests in {:.1?}",
        begun.elapsed()
    );
    assert!(broken.is_empty(), "{broken}");
}

/// What was wrong with the first edition of the protocol.
#[test]
fn known_faults() {
    hold(&scenarios::known());
}

/// Every pair of operations on an enrollment, with a third one after the first, in every
/// order, with faults in every place.
#[test]
fn small_cases() {
    let actions = [
        Register(2),
        Right(0),
        Wrong,
        Delete,
        Unlock,
        NewCodes(2),
        Redeem(0),
        Reseal,
        Replace(2),
        Rotate,
        Confirm,
    ];
    let thorough = number("SIMULATION_FAULTS", 0) > 0;
    let mut scenarios = Vec::new();
    for (place, &first) in actions.iter().enumerate() {
        for &second in &actions[place..] {
            let faults = usize::try_from(number("SIMULATION_FAULTS", 1)).expect("a few");
            scenarios.push(scenarios::pair(first, second, &[], faults));
            if thorough {
                for third in [Register(1), Right(1), Delete, NewCodes(1), Redeem(1), Confirm] {
                    scenarios.push(scenarios::pair(first, second, &[third], 1));
                }
            }
        }
    }
    hold(&scenarios);
}

/// Random runs. `SIMULATION_SEED` begins with that run; `SIMULATION_OPERATIONS` is how many
/// operations there are at least.
#[test]
fn storms() {
    let least = number("SIMULATION_OPERATIONS", 1000);
    let begun = Instant::now();
    let next = AtomicU64::new(number("SIMULATION_SEED", 0));
    let (operations, requests, runs) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    on_every_processor(|| {
        while operations.load(Relaxed) < least {
            let seed = next.fetch_add(1, Relaxed);
            let storm = storm::Storm::new(seed, 60);
            let (world, violation) = block_on(storm.run(false));
            operations.fetch_add(world.history.records.len() as u64, Relaxed);
            requests.fetch_add(world.requests, Relaxed);
            runs.fetch_add(1, Relaxed);
            if let Some(violation) = violation {
                let (world, _) = block_on(block_on(storm.shrink(violation.promise)).run(true));
                let story = world.story.unwrap_or_default();
                panic!("SIMULATION_SEED={seed}: {violation}; the shortest such run:\n{story}");
            }
        }
    });
    let took = begun.elapsed();
    let (operations, requests) = (operations.into_inner(), requests.into_inner());
    println!(
        "{} runs, {operations} operations, {requests} requests in {took:.1?}: {:.0} \
         operations/s, 0 violations",
        runs.into_inner(),
        f64::from(u32::try_from(operations).expect("fewer")) / took.as_secs_f64()
    );
}

/// The same in two Regions whose replicas agree a second later, as DynamoDB's eventually
/// consistent global tables do: no promise of a single use can hold, and this shows that the
/// simulation would tell. With multi-Region strong consistency, a write is decided by all
/// replicas at once or refused as a conflict: that is what `storms` runs.
#[test]
fn regions_that_agree_later_accept_a_code_twice() {
    let broken = (0..1000).find_map(|seed| {
        let storm = storm::Storm::new(seed, 60).in_regions_that_agree_after(1000);
        let (_, violation) = block_on(storm.run(false));
        violation.filter(|violation| violation.promise == "a code is accepted once")
    });
    assert!(broken.is_some(), "a thousand runs broke nothing");
}

/// Writes what the table was asked and answered to the file `SIMULATION_RECORDING`, for
/// `tests/python/store/test_simulated_table.py`, which asks DynamoDB Local the same.
#[test]
#[ignore = "another test reads what this one writes"]
fn recording() {
    let mut recording = Some(table::Recording::default());
    for seed in 0..number("SIMULATION_RUNS", 150) {
        let (mut world, violation) = block_on(storm::Storm::new(seed, 60).record(recording));
        assert_eq!(violation, None);
        recording = world.table.recording.take();
    }
    let lines = recording.expect("it comes back").lines;
    let file = std::env::var("SIMULATION_RECORDING").expect("SIMULATION_RECORDING names a file");
    std::fs::write(file, lines.join("\n")).expect("a file that can be written");
}
