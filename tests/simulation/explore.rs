//! Small cases, exhaustively: every order in which requests can be carried out, and every
//! way of placing the faults, depth first.
//!
//! Three simplifications lose no case. A reply that is not lost comes at once, since its
//! client does nothing in between that others could see. An operation begins with its first
//! request, since it has done nothing before; so more of the operations come after each
//! other, and the checks are stricter. And whether a request is lost, held, or outlives its
//! client is decided when it is sent.

use lambdatotp::simulation::{Reply, seed};

use crate::expression::Item;
use crate::history::{Action, History, Violation};
use crate::world::{Message, Setup, World};

/// An operation of a plan.
#[derive(Debug, Clone)]
pub struct Step {
    pub action: Action,
    /// Clients whose plans must have ended before.
    pub after: Vec<usize>,
}

/// A small case.
pub struct Scenario {
    pub name: String,
    pub setup: Setup,
    /// Whether the user is one of the original application's, to begin with.
    pub legacy: bool,
    /// What has happened before, without faults, by client 0.
    pub before: Vec<Action>,
    /// What each client does.
    pub plans: Vec<Vec<Step>>,
    /// What is asked afterwards, without faults, by client 0, in new steps.
    pub afterwards: Vec<Action>,
    pub faults: usize,
}

/// What an exploration came to.
#[derive(Debug, Default)]
pub struct Explored {
    pub runs: u64,
    pub operations: u64,
    pub requests: u64,
    pub violations: Vec<(Violation, String)>,
}

/// The choices of a run: the first ones given, the others the first of their kind.
struct Choices {
    given: Vec<usize>,
    made: Vec<(usize, usize)>,
}

impl Choices {
    fn choose(&mut self, among: usize) -> usize {
        if among == 1 {
            return 0;
        }
        let choice = self.given.get(self.made.len()).copied().unwrap_or(0);
        self.made.push((choice, among));
        choice
    }

    /// The next run's first choices; `None` when all were made.
    fn next(mut self) -> Option<Vec<usize>> {
        while let Some((choice, among)) = self.made.pop() {
            if choice + 1 < among {
                let mut given: Vec<_> = self.made.iter().map(|(choice, _)| *choice).collect();
                given.push(choice + 1);
                return Some(given);
            }
        }
        None
    }
}

struct Snapshot {
    items: std::collections::BTreeMap<String, Item>,
    history: History,
    now_ms: u64,
    order: u64,
}

impl Scenario {
    fn prepare(&self, world: &mut World) -> Snapshot {
        world.reset();
        seed(1);
        fastrand::seed(1);
        if self.legacy {
            world.plant_legacy(0);
        }
        for &action in &self.before {
            quietly(world, action);
        }
        let now_ms = world.timeline.now_ms() + 90_000;
        Snapshot {
            items: world.table.items.clone(),
            history: world.history.clone(),
            now_ms,
            order: world.order(),
        }
    }

    /// Runs every case, up to a number of violations.
    pub fn explore(&self, most: usize) -> Explored {
        let mut world = World::new(&self.setup);
        let snapshot = self.prepare(&mut world);
        assert_eq!(world.violation, None, "{}: before the plan", self.name);
        let mut explored = Explored::default();
        let mut given = Some(Vec::new());
        while let Some(first) = given {
            let mut choices = Choices { given: first.clone(), made: Vec::new() };
            self.run(&mut world, &snapshot, &mut choices);
            explored.runs += 1;
            explored.operations +=
                (world.history.records.len() - snapshot.history.records.len()) as u64;
            if let Some(violation) = world.violation.take() {
                let known =
                    explored.violations.iter().any(|(other, _)| other.promise == violation.promise);
                if !known {
                    world.story = Some(String::new());
                    let mut again = Choices { given: first, made: Vec::new() };
                    self.run(&mut world, &snapshot, &mut again);
                    let story = world.story.take().unwrap_or_default();
                    explored.violations.push((violation, story));
                    if explored.violations.len() >= most {
                        break;
                    }
                }
            }
            given = choices.next();
        }
        explored.requests = world.requests;
        explored
    }

    #[expect(clippy::too_many_lines, reason = "one scheduler, read from top to bottom")]
    fn run(&self, world: &mut World, snapshot: &Snapshot, choices: &mut Choices) {
        world.reset();
        seed(2);
        fastrand::seed(2);
        world.table.items.clone_from(&snapshot.items);
        world.history.clone_from(&snapshot.history);
        world.timeline.advance_to(snapshot.now_ms);
        world.set_order(snapshot.order);
        let mut faults = self.faults;
        let mut next = vec![0; self.plans.len()];
        let mut pool: Vec<Message> = Vec::new();
        let mut held: Vec<Message> = Vec::new();
        // The client whose first request is to be carried out now.
        let mut beginning: Option<usize> = None;
        loop {
            let mut told = false;
            for mut message in world.settle() {
                match choices.choose(if faults > 0 { 4 } else { 1 }) {
                    0 => {
                        pool.push(message);
                        continue;
                    }
                    1 => {
                        world.tell(|| {
                            format!("network: a request of operation {} is lost", message.operation)
                        });
                    }
                    2 => {
                        world.tell(|| {
                            format!("network: a request of operation {} is held", message.operation)
                        });
                        held.push(message.copy());
                    }
                    _ => {
                        world.tell(|| format!("client {} dies", message.client));
                        held.push(message.copy());
                        world.crash(message.client);
                    }
                }
                faults -= 1;
                told = true;
                message.tell(Reply::Broken);
            }
            if world.violation.is_some() {
                return;
            }
            if told {
                continue;
            }
            let waits = |client: usize| !pool.iter().any(|message| message.client == client);
            if (0..world.clients()).any(|client| !world.is_free(client) && waits(client)) {
                let at = world.timeline.next().expect("a client waits for something");
                world.timeline.advance_to(at);
                continue;
            }
            let mut options: Vec<(What, usize)> = Vec::new();
            let begun = beginning.take();
            for (place, message) in pool.iter().enumerate() {
                if begun.is_some_and(|client| {
                    pool.iter().any(|m| m.client == client) && client != message.client
                }) {
                    continue;
                }
                options.push((What::Deliver, place));
                if faults > 0 {
                    options.extend([(What::LoseReply, place), (What::Double, place)]);
                }
            }
            let first_is_due = begun.is_some_and(|client| !waits(client));
            if !first_is_due {
                options.extend((0..held.len()).map(|place| (What::Late, place)));
                for (client, plan) in self.plans.iter().enumerate() {
                    let Some(step) = plan.get(next[client]) else { continue };
                    let ready = step.after.iter().all(|&other| {
                        next[other] == self.plans[other].len() && world.is_free(other)
                    });
                    if ready && world.is_free(client) {
                        options.push((What::Start, client));
                    }
                }
                if options.iter().all(|(what, _)| *what == What::Late) {
                    options.push((What::Finish, 0));
                }
            }
            let (what, place) = options[choices.choose(options.len())];
            match what {
                What::Deliver | What::LoseReply | What::Double => {
                    let mut message = pool.remove(place);
                    let reply = world.deliver(&message);
                    if what == What::LoseReply {
                        world.tell(|| {
                            format!("network: the reply to operation {} is lost", message.operation)
                        });
                    }
                    if what != What::Deliver {
                        faults -= 1;
                    }
                    if what == What::Double {
                        held.push(message.copy());
                    }
                    message.tell(if what == What::LoseReply { Reply::Broken } else { reply });
                }
                What::Late => {
                    let message = held.remove(place);
                    world.deliver(&message);
                }
                What::Start => {
                    world.start(place, 0, self.plans[place][next[place]].action);
                    next[place] += 1;
                    beginning = Some(place);
                }
                What::Finish => break,
            }
        }
        for &action in &self.afterwards {
            let at = world.timeline.now_ms() + 90_000;
            world.timeline.advance_to(at);
            quietly(world, action);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Deliver,
    LoseReply,
    Double,
    Late,
    Start,
    Finish,
}

/// One operation of client 0, without faults.
pub fn quietly(world: &mut World, action: Action) {
    world.start(0, 0, action);
    while !world.is_free(0) {
        for mut message in world.settle() {
            let reply = world.deliver(&message);
            message.tell(reply);
        }
    }
}
