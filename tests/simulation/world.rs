//! Clients with the real verifier and store, over a network and a time under our hands.
//!
//! Everything runs on one thread. A client's operation is a future that we poll; it stops
//! where it waits for a reply or for time to pass, and what happens next is for the
//! scheduler to choose (`explore.rs`, `storm.rs`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use lambdatotp::otp::{Secret, Totp};
use lambdatotp::simulation::{Arriving, Network, Reply, Request, Time};
use lambdatotp::store::admin::{Imported, ImportedUser, PageRequest, UserState, import_id};
use lambdatotp::store::{KeyRing, Settings, StoreError};
use lambdatotp::verifier::{
    self, Config, Label, Policy, Registration, Verification, Verifier, VerifierError,
};
use tokio::sync::oneshot;

use crate::expression::{Item, Value};
use crate::history::{Action, History, Outcome, Record, Rules, Typed, Violation};
use crate::regions::Replica;
use crate::table::{Effect, Table, to_json};

/// When every run begins, in milliseconds since 1970: the middle of a step.
pub const START_MS: u64 = 1_700_000_025_000;
pub const USERS: [&str; 2] = ["ana", "bob"];

#[derive(Default)]
struct Timers {
    now_ms: u64,
    next: u64,
    waiting: BTreeMap<(u64, u64), Waker>,
}

/// True time, and who waits for it.
#[derive(Clone, Default)]
pub struct Timeline(Arc<Mutex<Timers>>);

impl Timeline {
    pub fn now_ms(&self) -> u64 {
        self.0.lock().expect("one thread").now_ms
    }

    /// When the next timer ends.
    pub fn next(&self) -> Option<u64> {
        self.0.lock().expect("one thread").waiting.keys().next().map(|(at, _)| *at)
    }

    pub fn advance_to(&self, at_ms: u64) {
        let mut timers = self.0.lock().expect("one thread");
        timers.now_ms = timers.now_ms.max(at_ms);
        let later = (timers.now_ms + 1, 0);
        let later = timers.waiting.split_off(&later);
        let due = std::mem::replace(&mut timers.waiting, later);
        drop(timers);
        due.into_values().for_each(Waker::wake);
    }
}

struct Timer {
    timeline: Timeline,
    at_ms: u64,
    number: Option<u64>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timeline = self.timeline.clone();
        let mut timers = timeline.0.lock().expect("one thread");
        if timers.now_ms >= self.at_ms {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| {
            timers.next += 1;
            timers.next
        });
        timers.waiting.insert((self.at_ms, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.timeline.0.lock().expect("one thread").waiting.remove(&(self.at_ms, number));
        }
    }
}

/// The clock of one client, which may be wrong.
struct Clock {
    timeline: Timeline,
    skew_ms: i64,
}

impl Time for Clock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.timeline.now_ms().saturating_add_signed(self.skew_ms))
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        let wait = u64::try_from(time.as_millis()).expect("a time-out").max(1);
        let at_ms = self.timeline.now_ms() + wait;
        Box::pin(Timer { timeline: self.timeline.clone(), at_ms, number: None })
    }
}

/// A request that has left its client.
pub struct Message {
    pub client: usize,
    /// The record of the operation that sent it.
    pub operation: usize,
    pub request: Request,
    pub reply: Option<oneshot::Sender<Reply>>,
}

impl Message {
    /// Tells the sender, if it still waits.
    pub fn tell(&mut self, reply: Reply) {
        if let Some(sender) = self.reply.take() {
            let _ = sender.send(reply);
        }
    }

    /// The same request once more, which nobody waits for.
    pub fn copy(&self) -> Self {
        let Self { client, operation, .. } = *self;
        Self { client, operation, request: self.request.clone(), reply: None }
    }
}

#[derive(Default)]
struct Post(Mutex<Vec<(usize, Request, oneshot::Sender<Reply>)>>);

struct Wire {
    client: usize,
    post: Arc<Post>,
}

impl Network for Wire {
    fn carry(&self, request: Request) -> Arriving {
        let (sender, receiver) = oneshot::channel();
        self.post.0.lock().expect("one thread").push((self.client, request, sender));
        Box::pin(async move { receiver.await.unwrap_or(Reply::Broken) })
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What an operation gave besides its outcome.
struct Answer {
    outcome: Outcome,
    totp: Option<Totp>,
    codes: Vec<String>,
}

type Operation = Pin<Box<dyn Future<Output = Answer>>>;

struct Client {
    verifier: Verifier,
    flag: Arc<Flag>,
    running: Option<(usize, Operation)>,
}

/// How a world is made.
#[derive(Debug, Clone)]
pub struct Setup {
    pub policy: (u32, Duration, u32),
    pub enrollment_ttl: Option<Duration>,
    pub rotation_ttl: Duration,
    /// The keys of each client, as `LAMBDATOTP_KEYS` has them; empty: none.
    pub keys: Vec<String>,
    pub skews_ms: Vec<i64>,
    /// Clients after the first are in another Region, whose replica learns of a write this
    /// much later, and the reverse. `None`: one table, or replicas that agree on each write.
    pub replication_ms: Option<u64>,
}

impl Setup {
    pub fn of(clients: usize) -> Self {
        Self {
            policy: (10, Duration::from_hours(1), 100),
            enrollment_ttl: None,
            rotation_ttl: Duration::from_mins(15),
            keys: vec![String::new(); clients],
            skews_ms: vec![0; clients],
            replication_ms: None,
        }
    }

    pub fn rules(&self) -> Rules {
        let (burst, refill, max_misses) = self.policy;
        Rules {
            burst: burst.into(),
            refill_ms: u64::try_from(refill.as_millis()).expect("in range"),
            max_misses: max_misses.into(),
            lapse: self.enrollment_ttl.is_some(),
            rotation_ms: u64::try_from(self.rotation_ttl.as_millis()).expect("in range"),
            skews_ms: self.skews_ms.clone(),
        }
    }
}

pub struct World {
    pub timeline: Timeline,
    pub table: Table,
    /// The other Region's replica.
    elsewhere: Option<Replica>,
    pub history: History,
    pub rules: Rules,
    pub requests: u64,
    clients: Vec<Client>,
    post: Arc<Post>,
    order: u64,
    /// The lines of a readable history, where one is wanted.
    pub story: Option<String>,
    pub violation: Option<Violation>,
}

impl World {
    pub fn new(setup: &Setup) -> Self {
        let timeline = Timeline::default();
        timeline.advance_to(START_MS);
        let post = Arc::new(Post::default());
        let (burst, refill, max_misses) = setup.policy;
        let policy = Policy::new(burst, refill, max_misses).expect("in range");
        let clients = setup.keys.iter().zip(&setup.skews_ms).enumerate();
        let clients = clients.map(|(client, (keys, &skew_ms))| {
            let keys = match keys.as_str() {
                "" => KeyRing::default(),
                keys => KeyRing::parse(keys).expect("keys"),
            };
            let config = Config {
                policy,
                enrollment_ttl: setup.enrollment_ttl,
                rotation_ttl: setup.rotation_ttl,
                store: Settings { keys, ..Settings::default() },
                ..Config::default()
            };
            let wire = Arc::new(Wire { client, post: Arc::clone(&post) });
            let clock = Arc::new(Clock { timeline: timeline.clone(), skew_ms });
            let verifier = Verifier::simulated(config, wire, clock).expect("valid");
            Client { verifier, flag: Arc::new(Flag(AtomicBool::new(false))), running: None }
        });
        let clients = clients.collect();
        Self {
            timeline,
            table: Table::default(),
            elsewhere: setup.replication_ms.map(Replica::new),
            history: History::default(),
            rules: setup.rules(),
            requests: 0,
            clients,
            post,
            order: 0,
            story: None,
            violation: None,
        }
    }

    /// Back to the beginning, with the same clients.
    pub fn reset(&mut self) {
        for client in &mut self.clients {
            client.running = None;
        }
        self.post.0.lock().expect("one thread").clear();
        *self.timeline.0.lock().expect("one thread") =
            Timers { now_ms: START_MS, ..Timers::default() };
        self.table.items.clear();
        self.history.records.clear();
        self.order = 0;
        self.violation = None;
        if let Some(story) = &mut self.story {
            story.clear();
        }
    }

    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let seconds = self.timeline.now_ms() - START_MS;
            let _ = writeln!(
                story,
                "{:>9.3} s  {}",
                Duration::from_millis(seconds).as_secs_f64(),
                line()
            );
        }
    }

    fn note(&mut self, violation: Violation) {
        self.tell(|| format!("VIOLATION  {violation}"));
        self.violation.get_or_insert(violation);
    }

    pub fn order(&self) -> u64 {
        self.order
    }

    pub fn set_order(&mut self, order: u64) {
        self.order = order;
    }

    pub fn is_free(&self, client: usize) -> bool {
        self.clients[client].running.is_none()
    }

    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// An item of the original application, as if somebody had registered before.
    pub fn plant_legacy(&mut self, user: usize) {
        let secret = Secret::generate().expect("randomness");
        let mut item = Item::new();
        item.insert("user_id".to_owned(), Value::S(USERS[user].to_owned()));
        item.insert("secret".to_owned(), Value::S(secret.to_base32().to_string()));
        self.table.items.insert(USERS[user].to_owned(), item);
        // As little to be replaced as one who came from elsewhere.
        let place = self.open(0, user, Action::Import, Typed::Nothing);
        self.close(
            place,
            Answer { outcome: Outcome::Created, totp: Some(Totp::new(secret)), codes: Vec::new() },
        );
    }

    fn open(&mut self, client: usize, user: usize, action: Action, typed: Typed) -> usize {
        self.order += 1;
        self.history.records.push(Record {
            client,
            user,
            action,
            typed,
            start: self.order,
            end: None,
            outcome: None,
            started_ms: self.timeline.now_ms(),
            ended_ms: u64::MAX,
            totp: None,
            codes: Vec::new(),
        });
        self.history.records.len() - 1
    }

    fn close(&mut self, place: usize, answer: Answer) {
        self.order += 1;
        let record = &mut self.history.records[place];
        record.end = Some(self.order);
        record.ended_ms = self.timeline.now_ms();
        record.outcome = Some(answer.outcome);
        record.totp = answer.totp.or(record.totp.take());
        record.codes.extend(answer.codes);
        let (client, outcome) = (record.client, record.outcome.clone());
        self.tell(|| format!("client {client}: operation {place} ends: {outcome:?}"));
        if let Err(violation) = self.history.check(place, &self.rules) {
            self.note(violation);
        }
    }

    /// Starts an operation of a client that is free.
    pub fn start(&mut self, client: usize, user: usize, action: Action) -> usize {
        assert!(self.is_free(client));
        let (typed, text) = self.typed(client, user, action);
        let place = self.open(client, user, action, typed);
        self.tell(|| {
            format!("client {client}: operation {place} begins: {action:?} of {}", USERS[user])
        });
        let verifier = self.clients[client].verifier.clone();
        let name = USERS[user];
        let operation: Operation = match action {
            Action::Register(codes) | Action::Replace(codes) => Box::pin(async move {
                let registration = Registration {
                    recovery_codes: codes,
                    replace_unconfirmed: matches!(action, Action::Replace(_)),
                    ..Registration::default()
                };
                answer(verifier.register(name, registration).await, |enrollment| {
                    let totp = Totp::new(enrollment.uri().secret.clone());
                    let codes = enrollment.recovery_codes().iter();
                    let codes = codes.map(|code| code.to_text().to_string()).collect();
                    Answer { outcome: Outcome::Created, totp: Some(totp), codes }
                })
            }),
            Action::Rotate => Box::pin(async move {
                answer(verifier.rotate(name, Label::default()).await, |enrollment| {
                    let totp = Totp::new(enrollment.uri().secret.clone());
                    Answer { outcome: Outcome::Done, totp: Some(totp), codes: Vec::new() }
                })
            }),
            Action::Confirm | Action::ConfirmOld | Action::ConfirmWrong => Box::pin(async move {
                answer(verifier.confirm(name, &text).await, |verdict| plain(verdict.into()))
            }),
            Action::Import => {
                let totp = Totp::new(Secret::generate().expect("randomness"));
                self.history.records[place].totp = Some(totp.clone());
                Box::pin(async move {
                    let id = import_id().expect("randomness");
                    let state = UserState::default();
                    let user = ImportedUser { user: name.to_owned(), totp, state, id };
                    let imported = verifier.import(vec![user], false).await.remove(0);
                    answer(imported, |imported| match imported {
                        Imported::New => plain(Outcome::Created),
                        Imported::Same | Imported::Other => plain(Outcome::Exists),
                        Imported::Unreadable(error) => plain(store_outcome(error)),
                    })
                })
            }
            Action::Delete => {
                Box::pin(
                    async move { answer(verifier.delete(name).await, |()| plain(Outcome::Done)) },
                )
            }
            Action::Unlock => {
                Box::pin(
                    async move { answer(verifier.unlock(name).await, |()| plain(Outcome::Done)) },
                )
            }
            Action::Status => {
                Box::pin(
                    async move { answer(verifier.status(name).await, |_| plain(Outcome::Done)) },
                )
            }
            Action::NewCodes(count) => Box::pin(async move {
                answer(verifier.new_recovery_codes(name, count).await, |codes| {
                    let codes = codes.iter().map(|code| code.to_text().to_string()).collect();
                    Answer { outcome: Outcome::Done, totp: None, codes }
                })
            }),
            Action::Reseal => Box::pin(async move {
                let request = PageRequest::of_all(None, 100);
                answer(verifier.reseal(request).await, |page| {
                    let refused = page.refused.join("; ");
                    plain(if refused.is_empty() { Outcome::Done } else { Outcome::Broken(refused) })
                })
            }),
            _ => Box::pin(async move {
                answer(verifier.verify(name, &text).await, |verdict| plain(verdict.into()))
            }),
        };
        self.clients[client].flag.0.store(true, Ordering::Relaxed);
        // Or tokio would have it wait, after so many steps, for a scheduler that is ours.
        let operation = Box::pin(tokio::task::unconstrained(operation));
        self.clients[client].running = Some((place, operation));
        place
    }

    /// What a user types, and which of the known codes that is.
    fn typed(&self, client: usize, user: usize, action: Action) -> (Typed, String) {
        let step = self.timeline.now_ms() / 30_000;
        let code = |registration: Option<usize>, step: u64| {
            let registration = registration?;
            let totp = self.history.records[registration].totp.as_ref()?;
            let text = totp.code_for_step(step).as_str().to_owned();
            Some((Typed::Code { registration, step }, text))
        };
        let recovery = |back: usize, place: usize| {
            let set = self.history.set(user, back)?;
            let text = self.history.records[set].codes.get(place)?;
            Some((Typed::Recovery { set, place }, text.clone()))
        };
        let known = match action {
            Action::Right(ahead) => {
                code(self.history.secret(user, 0), step.saturating_add_signed(ahead))
            }
            Action::RightHere => {
                let skew_ms = self.rules.skews_ms[client];
                let here = self.timeline.now_ms().saturating_add_signed(skew_ms) / 30_000;
                code(self.history.secret(user, 0), here)
            }
            Action::Old | Action::ConfirmOld => code(self.history.secret(user, 1), step),
            Action::Confirm | Action::Pending => code(self.history.rotation(user), step),
            Action::Replay => {
                let accepted = self.history.records.iter().rev().find_map(|record| {
                    let entered = matches!(record.outcome, Some(Outcome::Accepted(_)));
                    (record.user == user && entered).then(|| record.typed.clone())
                });
                accepted.and_then(|typed| match typed {
                    Typed::Code { registration, step } => {
                        let totp = self.history.records[registration].totp.as_ref()?;
                        Some((typed, totp.code_for_step(step).as_str().to_owned()))
                    }
                    _ => None,
                })
            }
            Action::Redeem(place) => recovery(0, place),
            Action::RedeemOld => recovery(1, 0),
            Action::MadeUp => Some((Typed::Nothing, "AAAA-BBBB-CCCC-DDDD".to_owned())),
            Action::Wrong | Action::ConfirmWrong => None,
            _ => return (Typed::Nothing, String::new()),
        };
        known.unwrap_or_else(|| (Typed::Nothing, self.wrong_code(user)))
    }

    /// A code that no enrollment of the user has near now.
    fn wrong_code(&self, user: usize) -> String {
        let step = self.timeline.now_ms() / 30_000;
        let totps = self.history.records.iter().filter(|record| record.user == user);
        let totps: Vec<_> = totps.filter_map(|record| record.totp.as_ref()).collect();
        let has = |code: &str| {
            let near = step.saturating_sub(4)..=step + 4;
            totps
                .iter()
                .any(|totp| near.clone().any(|step| totp.code_for_step(step).as_str() == code))
        };
        (0..1_000_000).map(|n| format!("{n:06}")).find(|code| !has(code)).expect("a million codes")
    }

    /// The client dies: what it sent stays on its way.
    pub fn crash(&mut self, client: usize) {
        if let Some((place, operation)) = self.clients[client].running.take() {
            drop(operation);
            self.close(place, plain(Outcome::Crashed));
        }
    }

    /// Lets every client run until it waits. Returns what they have sent.
    pub fn settle(&mut self) -> Vec<Message> {
        loop {
            let mut moved = false;
            for client in 0..self.clients.len() {
                let flag = Arc::clone(&self.clients[client].flag);
                if !flag.0.swap(false, Ordering::Relaxed) {
                    continue;
                }
                let waker = Waker::from(flag);
                let Some((_, operation)) = &mut self.clients[client].running else { continue };
                moved = true;
                if let Poll::Ready(answer) =
                    operation.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    let (place, _) = self.clients[client].running.take().expect("it was polled");
                    self.close(place, answer);
                }
            }
            if !moved {
                break;
            }
        }
        let sent = std::mem::take(&mut *self.post.0.lock().expect("one thread"));
        let sent = sent.into_iter().map(|(client, request, reply)| {
            let operation =
                self.clients[client].running.as_ref().map_or(usize::MAX, |(place, _)| *place);
            Message { client, operation, request, reply: Some(reply) }
        });
        sent.collect()
    }

    /// Whether imports are under way, whose tasks need the runtime.
    pub fn has_tasks(&self) -> bool {
        self.clients.iter().any(|client| {
            client
                .running
                .as_ref()
                .is_some_and(|(place, _)| self.history.records[*place].action == Action::Import)
        })
    }

    /// Carries a request out.
    pub fn deliver(&mut self, message: &Message) -> Reply {
        self.requests += 1;
        let Request { operation: kind, body } = &message.request;
        let (status, body, effect) = match &mut self.elsewhere {
            None => self.table.answer(kind, body),
            Some(replica) => {
                let now = self.timeline.now_ms();
                replica.answer(&mut self.table, message.client > 0, now, kind, body)
            }
        };
        assert!(
            !body.contains("ValidationException"),
            "{body}: {}",
            String::from_utf8_lossy(&message.request.body)
        );
        let late = if message.reply.is_some() { "" } else { ", late" };
        let (operation, kind) = (message.operation, &message.request.operation);
        let wrote = if effect == Effect::Wrote { "done" } else { "nothing changed" };
        let items = &self.table.items;
        if let Some(story) = &mut self.story {
            let seconds = Duration::from_millis(self.timeline.now_ms() - START_MS).as_secs_f64();
            let _ = writeln!(
                story,
                "{seconds:>9.3} s  table: {kind} of operation {operation}{late}: {status}, {wrote}"
            );
            for (user, item) in items {
                let _ = writeln!(story, "             {user}: {}", to_json(item));
            }
        }
        Reply::Answer(status, body)
    }

    /// DynamoDB's sweep of what has expired.
    pub fn sweep(&mut self) {
        let now = i128::from(self.timeline.now_ms() / 1000);
        self.table
            .items
            .retain(|_, item| !matches!(item.get("expires_at"), Some(Value::N(at)) if *at <= now));
    }
}

impl From<Verification> for Outcome {
    fn from(verdict: Verification) -> Self {
        match verdict.outcome {
            verifier::Outcome::Accepted => Self::Accepted(verdict.step.expect("a step")),
            verifier::Outcome::Rejected => Self::Rejected,
            verifier::Outcome::Replayed => Self::Replayed,
            verifier::Outcome::Recovered => {
                Self::Recovered(verdict.recovery_codes_left.expect("a number"))
            }
        }
    }
}

fn plain(outcome: Outcome) -> Answer {
    Answer { outcome, totp: None, codes: Vec::new() }
}

fn store_outcome(error: StoreError) -> Outcome {
    match error {
        StoreError::Unavailable(_) => Outcome::NoVerdict,
        other => Outcome::Broken(other.to_string()),
    }
}

fn answer<T>(result: Result<T, VerifierError>, done: impl FnOnce(T) -> Answer) -> Answer {
    plain(match result {
        Ok(value) => return done(value),
        Err(VerifierError::UserExists) => Outcome::Exists,
        Err(VerifierError::UserNotFound) => Outcome::NotFound,
        Err(VerifierError::TooManyAttempts { retry_after }) => Outcome::Throttled(retry_after),
        Err(VerifierError::Locked) => Outcome::Locked,
        Err(VerifierError::NoRotation) => Outcome::NoRotation,
        Err(VerifierError::Store(error)) => store_outcome(error),
        Err(other) => Outcome::Broken(other.to_string()),
    })
}
