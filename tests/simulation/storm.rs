//! Random runs: three clients and two users in all weathers. A seed is a run.
//!
//! What happens to an operation's requests depends on the seed and on the operation alone,
//! so a failing run can be made shorter by leaving operations out.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use lambdatotp::simulation::{Reply, seed};

use crate::history::{Action, Violation};
use crate::table::Recording;
use crate::world::{Message, Setup, USERS, World};

const CLIENTS: usize = 3;
/// What DynamoDB takes a signature for.
const SIGNATURE_MS: u64 = 15 * 60_000;

/// An operation of a run.
#[derive(Debug, Clone)]
struct Planned {
    /// Names it, whatever is left out before it.
    number: u64,
    client: usize,
    user: usize,
    action: Action,
    /// From the end of the client's operation before.
    wait_ms: u64,
    /// Whether the network does it any harm.
    calm: bool,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Storm {
    seed: u64,
    setup: Setup,
    legacy: bool,
    /// How many of a hundred requests have something done to them.
    faults: u32,
    plan: Vec<Planned>,
}

enum Event {
    Begin(usize),
    Arrive(Message, Fate),
    Answer(Message, Reply),
    Crash(usize, usize),
    Sweep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Fine,
    LoseReply,
    BreakReply,
    CutReply,
    Error500,
    Late,
}

/// The key rings that are in use together during a change of keys as documented.
const RINGS: [&[&str]; 4] = [
    &[""],
    &["k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
    &[
        "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,k2:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA",
    ],
    &[
        "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,k2:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA",
        "k2:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA,k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
];

impl Storm {
    /// The run of this seed.
    pub fn new(seed: u64, operations: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut setup = Setup::of(CLIENTS);
        setup.policy = match rng.u32(0..4) {
            0 => (10, Duration::from_hours(1), 100),
            1 => (3, Duration::from_hours(1), 8),
            2 => (3, Duration::from_secs(20), 100),
            _ => (1, Duration::from_hours(12), 5),
        };
        if rng.u32(0..5) == 0 {
            setup.enrollment_ttl = Some(Duration::from_secs(rng.u64(60..900)));
        }
        setup.rotation_ttl = Duration::from_secs([60, 900][rng.usize(0..2)]);
        let rings = RINGS[rng.usize(0..RINGS.len())];
        setup.keys = (0..CLIENTS).map(|_| rings[rng.usize(0..rings.len())].to_owned()).collect();
        let apart = [0, 1_000, 14_000][rng.usize(0..3)];
        setup.skews_ms = (0..CLIENTS).map(|_| rng.i64(-apart..=apart)).collect();
        let wrong_clock = rng.u32(0..10) == 0;
        if wrong_clock {
            let hours = [1, 30, 24 * 365 * 10][rng.usize(0..3)];
            setup.skews_ms[2] = hours * 3_600_000 * if rng.bool() { 1 } else { -1 };
        }
        let plan = (0..operations).map(|number| {
            let client = rng.usize(0..CLIENTS);
            let user = usize::from(rng.u32(0..4) == 0);
            let mut action = action(&mut rng);
            // An operator's wrong clock is another matter: SECURITY.md.
            if wrong_clock && client == 2 {
                action = [Action::Right(0), Action::RightHere, Action::Wrong][rng.usize(0..3)];
            }
            let wait_ms = match rng.u32(0..100) {
                0..2 => rng.u64(1_200_000..6_000_000),
                2..14 => rng.u64(20_000..120_000),
                14..40 => rng.u64(0..4_000),
                _ => rng.u64(0..60),
            };
            Planned { number, client, user, action, wait_ms, calm: false }
        });
        let plan = plan.collect();
        let faults = [0, 5, 15, 40][rng.usize(0..4)];
        Self { seed, setup, legacy: rng.u32(0..5) == 0, faults, plan }
    }

    /// The same without faults, and with clients in two Regions.
    pub fn in_regions_that_agree_after(mut self, replication_ms: u64) -> Self {
        self.faults = 0;
        self.setup.replication_ms = Some(replication_ms);
        self
    }

    /// Runs it; the operations that were done, and what was broken.
    pub async fn run(&self, tell: bool) -> (World, Option<Violation>) {
        let mut world = self.world();
        world.story = tell.then(String::new);
        self.run_in(world).await
    }

    /// Runs it, and writes down what the table is asked.
    pub async fn record(&self, recording: Option<Recording>) -> (World, Option<Violation>) {
        let mut world = self.world();
        world.table.recording = recording;
        self.run_in(world).await
    }

    fn world(&self) -> World {
        seed(self.seed);
        fastrand::seed(self.seed);
        World::new(&self.setup)
    }

    async fn run_in(&self, mut world: World) -> (World, Option<Violation>) {
        if self.legacy {
            world.plant_legacy(0);
        }
        let mut run = Running {
            storm: self,
            rngs: BTreeMap::new(),
            numbers: BTreeMap::new(),
            queue: BTreeMap::new(),
            next: 0,
        };
        run.play(&mut world).await;
        if world.violation.is_none() {
            audit(&mut world).await;
        }
        let violation = world.violation.take();
        (world, violation)
    }

    /// A shorter run that breaks the same promise.
    pub async fn shrink(&self, promise: &'static str) -> Self {
        let mut best = self.clone();
        let mut chunk = best.plan.len().div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            while at < best.plan.len() {
                let mut shorter = best.clone();
                shorter.plan.drain(at..(at + chunk).min(shorter.plan.len()));
                if shorter.breaks(promise).await {
                    best = shorter;
                } else {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        for at in 0..best.plan.len() {
            let mut calmer = best.clone();
            calmer.plan[at].calm = true;
            if calmer.breaks(promise).await {
                best = calmer;
            }
        }
        best
    }

    async fn breaks(&self, promise: &'static str) -> bool {
        self.run(false).await.1.is_some_and(|violation| violation.promise == promise)
    }
}

fn action(rng: &mut Rng) -> Action {
    match rng.u32(0..100) {
        0..9 => Action::Register(rng.usize(0..4)),
        9..12 => Action::Replace(rng.usize(0..4)),
        12..17 => Action::Rotate,
        17..22 => Action::Confirm,
        22..23 => Action::ConfirmOld,
        23..24 => Action::ConfirmWrong,
        24..25 => Action::Pending,
        25..32 => Action::Right(0),
        32..36 => Action::Right(1),
        36..40 => Action::Replay,
        40..43 => Action::Old,
        43..62 => Action::Wrong,
        62..70 => Action::Delete,
        70..76 => Action::Unlock,
        76..81 => Action::NewCodes(rng.usize(1..4)),
        81..89 => Action::Redeem(rng.usize(0..3)),
        89..91 => Action::RedeemOld,
        91..93 => Action::MadeUp,
        93..95 => Action::Status,
        95..97 => Action::Import,
        _ => Action::Reseal,
    }
}

struct Running<'a> {
    storm: &'a Storm,
    /// Each client's operations that are still to come, and the one that has been asked.
    rngs: BTreeMap<usize, Rng>,
    numbers: BTreeMap<usize, usize>,
    queue: BTreeMap<(u64, u64), Event>,
    next: u64,
}

impl Running<'_> {
    fn at(&mut self, at_ms: u64, event: Event) {
        self.next += 1;
        self.queue.insert((at_ms, self.next), event);
    }

    async fn play(&mut self, world: &mut World) {
        let mut plans: Vec<Vec<&Planned>> = vec![Vec::new(); CLIENTS];
        for planned in self.storm.plan.iter().rev() {
            plans[planned.client].push(planned);
        }
        let mut due = [false; CLIENTS];
        let mut turns = 0_u64;
        loop {
            turns += 1;
            assert!(turns < 1_000_000, "it does not end: {:?}", world.story);
            let sent = settle(world).await;
            if world.violation.is_some() {
                return;
            }
            let now = world.timeline.now_ms();
            for message in sent {
                self.send(world, message);
            }
            for client in 0..CLIENTS {
                if world.is_free(client)
                    && !due[client]
                    && let Some(planned) = plans[client].last()
                {
                    due[client] = true;
                    self.at(now + planned.wait_ms, Event::Begin(client));
                }
            }
            let event = self.queue.keys().next().map(|(at, _)| *at);
            let timer = world.timeline.next();
            match (event, timer) {
                (None, None) => return,
                (event, Some(timer)) if event.is_none_or(|event| timer <= event) => {
                    world.timeline.advance_to(timer);
                    continue;
                }
                _ => {}
            }
            let Some(((at, _), event)) = self.queue.pop_first() else { return };
            world.timeline.advance_to(at);
            match event {
                Event::Begin(client) => {
                    due[client] = false;
                    if let Some(planned) = plans[client].pop() {
                        self.begin(world, planned);
                    }
                }
                Event::Arrive(message, fate) => self.arrive(world, message, fate),
                Event::Answer(mut message, reply) => message.tell(reply),
                Event::Crash(client, place) => {
                    if !world.is_free(client) && world.history.records.len() == place + 1 {
                        world.tell(|| format!("client {client} dies"));
                        world.crash(client);
                    }
                }
                Event::Sweep => {
                    world.tell(|| "table: what has expired is swept away".to_owned());
                    world.sweep();
                }
            }
        }
    }

    fn begin(&mut self, world: &mut World, planned: &Planned) {
        let Planned { number, client, user, action, wait_ms, calm } = *planned;
        let place = world.start(client, user, action);
        let mut rng = Rng::with_seed(self.storm.seed.wrapping_mul(1_000_003) ^ number);
        let now = world.timeline.now_ms();
        let faults = if calm { 0 } else { self.storm.faults };
        if rng.u32(0..400) < faults {
            self.at(now + rng.u64(0..80), Event::Crash(client, place));
        }
        if wait_ms > 60_000 {
            self.at(now, Event::Sweep);
        }
        self.numbers.insert(place, usize::from(!calm));
        self.rngs.insert(place, rng);
    }

    /// Decides what becomes of a request.
    fn send(&mut self, world: &mut World, mut message: Message) {
        let Some(rng) = self.rngs.get_mut(&message.operation) else { return };
        let now = world.timeline.now_ms();
        let arrives = now + rng.u64(1..20);
        let calm = self.numbers.get(&message.operation) == Some(&0);
        if calm || rng.u32(0..100) >= self.storm.faults {
            self.at(arrives, Event::Arrive(message, Fate::Fine));
            return;
        }
        // Half of them seconds, the others up to the life of a signature.
        let later = if rng.bool() { rng.u64(20..9_000) } else { rng.u64(20..SIGNATURE_MS) };
        let (operation, silent) = (message.operation, rng.bool());
        let what = match rng.u32(0..10) {
            0 => {
                if !silent {
                    message.tell(Reply::Broken);
                }
                "is lost"
            }
            1 => {
                self.at(arrives, Event::Arrive(message, Fate::LoseReply));
                "will have no reply"
            }
            2 => {
                self.at(arrives, Event::Arrive(message, Fate::BreakReply));
                "will have its reply broken off"
            }
            3 => {
                self.at(arrives, Event::Arrive(message, Fate::CutReply));
                "will have half a reply"
            }
            4 => {
                self.at(arrives, Event::Arrive(message, Fate::Error500));
                "will be answered 500"
            }
            5 => {
                self.at(now + later, Event::Arrive(message.copy(), Fate::Late));
                if silent {
                    // The sender waits for its time-out.
                    self.at(now + SIGNATURE_MS, Event::Answer(message, Reply::Broken));
                } else {
                    message.tell(Reply::Broken);
                }
                "is held"
            }
            6 => {
                self.at(now + later, Event::Arrive(message.copy(), Fate::Late));
                self.at(arrives, Event::Arrive(message, Fate::Fine));
                "is doubled"
            }
            7 => {
                let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
                self.at(arrives, Event::Answer(message, Reply::Answer(400, body.to_owned())));
                "is throttled"
            }
            8 => {
                // From a strongly consistent global table.
                let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ReplicatedWriteConflictException"}"#;
                self.at(arrives, Event::Answer(message, Reply::Answer(400, body.to_owned())));
                "is refused for a write in another Region"
            }
            _ => {
                let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#;
                self.at(arrives, Event::Answer(message, Reply::Answer(500, body.to_owned())));
                "is refused with 500"
            }
        };
        world.tell(|| format!("network: a request of operation {operation} {what}"));
    }

    fn arrive(&mut self, world: &mut World, mut message: Message, fate: Fate) {
        let reply = world.deliver(&message);
        let now = world.timeline.now_ms();
        let Some(rng) = self.rngs.get_mut(&message.operation) else { return };
        let soon = now + rng.u64(1..20);
        let reply = match (fate, reply) {
            (Fate::Fine, reply) => reply,
            (Fate::BreakReply, _) => Reply::Broken,
            (Fate::CutReply, Reply::Answer(status, body)) => {
                Reply::Answer(status, body[..body.len() / 2].to_owned())
            }
            (Fate::Error500, _) => {
                let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#;
                Reply::Answer(500, body.to_owned())
            }
            (Fate::LoseReply, _) => {
                self.at(now + SIGNATURE_MS, Event::Answer(message, Reply::Broken));
                return;
            }
            (Fate::Late | Fate::CutReply, _) => {
                message.reply = None;
                return;
            }
        };
        self.at(soon, Event::Answer(message, reply));
    }
}

async fn settle(world: &mut World) -> Vec<Message> {
    let mut sent = world.settle();
    if world.has_tasks() {
        for _ in 0..3 {
            tokio::task::yield_now().await;
            sent.extend(world.settle());
        }
    }
    sent
}

/// Without faults, after everything has arrived: what was acknowledged is there.
async fn audit(world: &mut World) {
    for user in 0..USERS.len() {
        let mut actions = vec![Action::Right(0)];
        actions.extend((0..3).map(Action::Redeem));
        actions.extend([Action::Unlock, Action::Right(0), Action::Rotate, Action::Pending]);
        actions.extend([Action::Confirm, Action::Old, Action::Right(0), Action::Register(1)]);
        for action in actions {
            let at = world.timeline.now_ms() + 90_000;
            world.timeline.advance_to(at);
            world.start(0, user, action);
            let mut turns = 0_u64;
            while !world.is_free(0) {
                turns += 1;
                assert!(turns < 1_000_000, "it does not end: {:?}", world.story);
                for mut message in settle(world).await {
                    let reply = world.deliver(&message);
                    message.tell(reply);
                }
            }
            if world.violation.is_some() {
                return;
            }
        }
    }
}
