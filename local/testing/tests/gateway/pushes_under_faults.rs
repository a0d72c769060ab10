//! Pushes while the receiver and SQS fail and functions are killed: a push that was answered with success is written, in the
//! queue or a dead letter, and nothing else is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use http_body_util::{BodyExt as _, Full};
use local_amp::{Action, Fault, Matcher, ReceivedRequest, StoredSamples};
use local_lambda::service::Pool;
use local_lambda::sqs::ReceivedMessage;
use local_testing::clock::Clock;
use local_testing::scripted::{Answer, Request, ScriptedServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::JoinSet;

use crate::function_url::{FunctionUrl, HttpClient, client, wait_until_empty};
use crate::queue::{Queue, endpoint};
use crate::support::Setup;

const SENDERS: usize = 12;

/// Shorter than on Lambda, so that what is hidden in a queue comes back soon.
pub(crate) const FUNCTION_TIMEOUT_S: u64 = 3;

/// The largest that AMP can be configured to, which the construct library sets.
pub(crate) const OUT_OF_ORDER_WINDOW_S: u64 = 600;

/// How long each fault of the receiver lasts, in milliseconds: some are longer than an attempt to deliver.
const FAULT_MS: std::ops::Range<u64> = 200..1_300;

/// The time without a fault after each.
const RECOVERY: Duration = Duration::from_millis(150);

/// What a push has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Two series, stamped when it arrives.
    Good,
    /// A sample that the receiver rejects.
    TooOld,
    /// No exposition.
    Invalid,
}

/// A push and its answer.
#[derive(Debug)]
struct Push {
    sender: usize,
    number: u32,
    content: Content,
    sent_ms: i64,
    answered_ms: i64,
    status: u16,
}

impl Push {
    fn is_accepted(&self) -> bool {
        self.status == 202
    }
}

/// Pushes one after the other, each with its number as the value, until the faults are over.
async fn push(
    stage: Arc<FunctionUrl>,
    sender: usize,
    mut random: Rng,
    is_over: Arc<AtomicBool>,
) -> Vec<Push> {
    let clock = Clock::system();
    let mut pushes = Vec::new();
    for number in 1.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let content = match random.u8(..10) {
            0 => Content::TooOld,
            1 => Content::Invalid,
            _ => Content::Good,
        };
        let sent_ms = clock.now_ms();
        let body = match content {
            Content::Good => format!("# TYPE pushed gauge\npushed {number}\ndoubled {}\n", number * 2),
            Content::TooOld => format!("too_old {number} {}\n", sent_ms - 2 * 3_600_000),
            Content::Invalid => format!("pushed{{ {number}\n"),
        };
        let answer = stage.put(&path(sender), body).await;
        let (status, answered_ms) = (answer.status, clock.now_ms());
        pushes.push(Push { sender, number, content, sent_ms, answered_ms, status });
        tokio::time::sleep(Duration::from_millis(random.u64(..20))).await;
    }
    pushes
}

fn path(sender: usize) -> String {
    format!("/metrics/job/backup/instance/i{sender}")
}

/// Every fault of the receiver once, in random order.
pub(crate) async fn fail(stage: &FunctionUrl, random: &mut Rng) {
    let mut actions = [
        Action::status(429, "ingestion rate limit"),
        Action::retry_after(429, "1"),
        Action::status(503, ""),
        Action::retry_after(503, "60"),
        Action::Hang,
        Action::Hang,
        Action::Reset,
        Action::AcceptThenDrop,
        Action::status(403, ""),
        Action::Delay(Duration::from_millis(100)),
    ];
    random.shuffle(&mut actions);
    for action in actions {
        stage.amp.set_faults(vec![Fault::always(Matcher::Any, action)]);
        tokio::time::sleep(Duration::from_millis(random.u64(FAULT_MS))).await;
        stage.amp.set_faults(Vec::new());
        tokio::time::sleep(RECOVERY).await;
    }
}

/// Kills busy functions until the faults are over, and returns how many.
pub(crate) async fn kill_functions(function: Pool, mut random: Rng, is_over: Arc<AtomicBool>) -> usize {
    let mut killed = 0;
    while !is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(random.u64(50..250))).await;
        killed += usize::from(kill_one(&function, &mut random));
    }
    killed
}

fn kill_one(function: &Pool, random: &mut Rng) -> bool {
    let environments = function.environments();
    let busy: Vec<_> = environments.iter().filter(|one| one.is_busy).filter_map(|one| one.pid).collect();
    let pid = random.choice(busy).and_then(|pid| i32::try_from(pid).ok());
    // It may have ended since.
    pid.is_some_and(|pid| kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok())
}

/// SQS, where one call in ten fails.
async fn failing_sqs(seed: u64) -> ScriptedServer {
    let random = Arc::new(Mutex::new(Rng::with_seed(seed)));
    let client = client();
    ScriptedServer::start(move |request, _| {
        let (random, client) = (Arc::clone(&random), client.clone());
        async move {
            let fault = random.lock().unwrap_or_else(PoisonError::into_inner).u8(..50);
            match fault {
                0 => Answer::hang(),
                1 => Answer::reset(),
                2 => Answer::new(503, ""),
                3 => Answer::new(400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#),
                4 => {
                    pass_on(&client, &request).await;
                    Answer::close()
                }
                _ => pass_on(&client, &request).await,
            }
        }
    })
    .await
}

/// moto's answer.
async fn pass_on(client: &HttpClient, request: &Request) -> Answer {
    let mut to_moto = http::Request::post(endpoint());
    for name in ["content-type", "authorization", "x-amz-target", "x-amz-date"] {
        to_moto = to_moto.header(name, request.header(name));
    }
    let to_moto = to_moto.body(Full::new(request.body.clone())).expect("a request");
    let (head, body) = client.request(to_moto).await.expect("moto answers").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Answer::new(head.status.as_u16(), body).header("content-type", "application/x-amz-json-1.0")
}

/// The function with its queues.
struct Scene {
    stage: Arc<FunctionUrl>,
    spilled: Queue,
    dead: Queue,
    _sqs: ScriptedServer,
}

impl Scene {
    async fn start(delivery: &str, seed: u64) -> Self {
        let spilled = Queue::create(&format!("spilled-{delivery}")).await;
        spilled.set("VisibilityTimeout", &FUNCTION_TIMEOUT_S.to_string()).await;
        let dead = Queue::create(&format!("dead-{delivery}")).await;
        let sqs = failing_sqs(seed).await;
        let setup = Setup::new()
            .timeout_s(FUNCTION_TIMEOUT_S)
            .amp(|amp| {
                amp.out_of_order_window = Duration::from_secs(OUT_OF_ORDER_WINDOW_S);
                amp.max_sample_age = Some(Duration::from_hours(1));
            })
            .env("OUT_OF_ORDER_WINDOW", &OUT_OF_ORDER_WINDOW_S.to_string())
            .env("HTTP_DELIVERY", delivery)
            .env("SPILL_QUEUE_URL", &spilled.url)
            .env("DEAD_LETTER_QUEUE_URL", &dead.url)
            .env("AWS_ENDPOINT_URL_SQS", &sqs.url());
        let stage = Arc::new(FunctionUrl::start(setup).await);
        Self { stage, spilled, dead, _sqs: sqs }
    }

    /// Pushes through all faults.
    async fn push_all(&self, seed: u64) -> Vec<Push> {
        let mut random = Rng::with_seed(seed);
        let is_over = Arc::new(AtomicBool::new(false));
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            senders.spawn(push(Arc::clone(&self.stage), sender, random.fork(), Arc::clone(&is_over)));
        }
        let killing = kill_functions(self.stage.function.clone(), random.fork(), Arc::clone(&is_over));
        let killing = tokio::spawn(killing);
        fail(&self.stage, &mut random).await;
        is_over.store(true, Ordering::Relaxed);
        let killed = killing.await.expect("it ends");
        assert!(killed >= 5, "{killed} functions were killed");
        senders.join_all().await.into_iter().flatten().collect()
    }

    fn stored(&self, metric: &str, sender: usize) -> StoredSamples {
        let instance = format!("i{sender}");
        self.stage.amp.samples_of(&[("__name__", metric), ("instance", &instance), ("job", "backup")])
    }

    /// The good pushes that are written, as sender and number.
    fn written(&self) -> BTreeSet<(usize, u32)> {
        let of =
            |sender| self.stored("pushed", sender).into_values().map(move |value| (sender, whole(value)));
        (0..SENDERS).flat_map(of).collect()
    }

    /// What is written was pushed, once, at the time of its arrival, and ascends in each series.
    fn assert_only_pushes_are_written(&self, pushes: &[Push]) {
        let good: BTreeMap<_, _> = pushes
            .iter()
            .filter(|push| push.content == Content::Good)
            .map(|push| ((push.sender, push.number), push.sent_ms..=push.answered_ms))
            .collect();
        for sender in 0..SENDERS {
            let stored = self.stored("pushed", sender);
            for (at, value) in &stored {
                let sent = good.get(&(sender, whole(*value)));
                assert!(sent.is_some_and(|sent| sent.contains(at)), "{sender}: {value} at {at}, {sent:?}");
            }
            let numbers: Vec<_> = stored.values().map(|value| whole(*value)).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next), "{sender}: {numbers:?}");
            let doubled = stored.into_iter().map(|(at, value)| (at, value * 2.0)).collect();
            assert_eq!(self.stored("doubled", sender), doubled, "{sender}");
        }
        let names: BTreeSet<_> = self
            .stage
            .amp
            .series()
            .into_keys()
            .map(|mut labels| labels.remove("__name__").unwrap_or_default())
            .collect();
        let expected = ["doubled", "push_failure_time_seconds", "push_time_seconds", "pushed"];
        assert!(names.iter().all(|name| expected.contains(&&**name)), "{names:?}");
    }

    /// Every push that was answered with success is written or a dead letter; returns how many are which.
    async fn account(&self, pushes: &[Push]) -> (usize, usize) {
        let (written, letters) = (self.written(), letters(&self.dead.letters().await));
        let accepted = |content| {
            let of = pushes.iter().filter(move |push| push.content == content && push.is_accepted());
            of.map(|push| (push.sender, push.number)).collect::<BTreeSet<_>>()
        };
        let lost: Vec<_> = accepted(Content::Good).difference(&written).copied().collect();
        assert_eq!(lost, [], "neither written nor in the queue");
        let too_old = accepted(Content::TooOld);
        let lost: Vec<_> = too_old.difference(&letters).copied().collect();
        assert_eq!(lost, [], "no dead letters");
        let sent: BTreeSet<_> = pushes
            .iter()
            .filter(|push| push.content == Content::TooOld)
            .map(|push| (push.sender, push.number))
            .collect();
        let foreign: Vec<_> = letters.difference(&sent).copied().collect();
        assert_eq!(foreign, [], "dead letters of pushes that the receiver takes");
        assert_eq!(accepted(Content::Invalid), BTreeSet::new());
        (accepted(Content::Good).len(), too_old.len())
    }
}

fn whole(value: f64) -> u32 {
    value.to_string().parse().unwrap_or_else(|_| panic!("{value} was never pushed"))
}

/// The pushes in dead letters, as sender and number.
fn letters(letters: &[ReceivedMessage]) -> BTreeSet<(usize, u32)> {
    letters.iter().map(letter).collect()
}

fn letter(letter: &ReceivedMessage) -> (usize, u32) {
    assert_eq!((&*letter.attributes["reason"], &*letter.attributes["status"]), ("rejected", "400"));
    let mut body = String::new();
    let encoded = STANDARD.decode(&letter.body).expect("base64");
    snap::read::FrameDecoder::new(&*encoded).read_to_string(&mut body).expect("framed snappy");
    let number = body.strip_prefix("too_old ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let sender = letter.attributes["Path"].rsplit_once("/i").and_then(|(_, sender)| sender.parse().ok());
    (sender.expect("a sender"), number.unwrap_or_else(|| panic!("not too old: {body}")))
}

fn count(pushes: &[Push], is_meant: impl Fn(&Push) -> bool) -> usize {
    pushes.iter().filter(|push| is_meant(push)).count()
}

/// The samples of a series that the receiver accepted, in the order of their arrival, each once.
fn arrivals(requests: &[ReceivedRequest], sender: usize) -> Vec<u32> {
    let instance = format!("i{sender}");
    let mut numbers = Vec::new();
    for request in requests.iter().filter(|request| request.is_delivered()) {
        for series in request.request.iter().flat_map(|request| &request.timeseries) {
            let has = |name: &str, value: &str| {
                series.labels.iter().any(|label| label.name == name && label.value == value)
            };
            if has("__name__", "pushed") && has("instance", &instance) {
                let fresh = series.samples.iter().map(|sample| whole(sample.value));
                let fresh: Vec<_> = fresh.filter(|number| !numbers.contains(number)).collect();
                numbers.extend(fresh);
            }
        }
    }
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn direct_pushes_are_written_queued_or_dead_letters() {
    let scene = Scene::start("direct", 16).await;
    let pushes = scene.push_all(16).await;
    let delivered = scene.stage.amp.requests();
    let is_good = |push: &Push| push.content == Content::Good && push.is_accepted();
    let written = scene.written();
    let spilled: BTreeSet<_> = pushes
        .iter()
        .filter(|push| is_good(push) && !written.contains(&(push.sender, push.number)))
        .map(|push| (push.sender, push.number))
        .collect();
    assert!(spilled.len() <= scene.spilled.messages().await, "{} are not in the queue", spilled.len());
    scene.assert_only_pushes_are_written(&pushes);
    for sender in 0..SENDERS {
        let accepted: BTreeSet<_> = pushes
            .iter()
            .filter(|push| push.sender == sender && push.is_accepted())
            .map(|push| push.number)
            .collect();
        let arrived = arrivals(&delivered, sender);
        let direct: Vec<_> = arrived.into_iter().filter(|number| accepted.contains(number)).collect();
        assert!(direct.is_sorted(), "{sender}: {direct:?}");
    }

    let queued = scene.spilled.messages().await;
    let source = scene.stage.consume(&scene.spilled).await;
    let mut random = Rng::with_seed(17);
    while !kill_one(&scene.stage.function, &mut random) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    wait_until_empty(&scene.spilled).await;
    source.stop().await;
    scene.assert_only_pushes_are_written(&pushes);
    let (good, too_old) = scene.account(&pushes).await;
    report(
        &pushes,
        &format!(
            "{} written at once, {} spilled ({queued} messages), {too_old} dead letters",
            good - spilled.len(),
            spilled.len()
        ),
    );
    assert!(good > 100 && spilled.len() > 10 && too_old > 0, "{good}, {}, {too_old}", spilled.len());
    assert!(count(&pushes, |push| push.content == Content::TooOld && push.status == 400) > 0);
    assert_answers(&pushes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_pushes_are_written_or_dead_letters() {
    let scene = Scene::start("queue", 18).await;
    let source = scene.stage.consume(&scene.spilled).await;
    let pushes = scene.push_all(18).await;
    wait_until_empty(&scene.spilled).await;
    let figures = source.stop().await;
    scene.assert_only_pushes_are_written(&pushes);
    let (good, too_old) = scene.account(&pushes).await;
    report(&pushes, &format!("{good} written, {too_old} dead letters; {figures:?}"));
    assert!(good > 100 && too_old > 5, "{good}, {too_old}");
    assert!(figures.given_back > 0, "{figures:?}");
    assert_answers(&pushes);
}

/// Unless its function is killed, an invalid push is answered as such. No good push is.
fn assert_answers(pushes: &[Push]) {
    for push in pushes {
        let statuses: &[u16] = match push.content {
            // Killed, or neither written nor queued.
            Content::Good => &[202, 502, 503],
            Content::TooOld => &[202, 400, 502, 503],
            Content::Invalid => &[400, 502],
        };
        assert!(statuses.contains(&push.status), "{push:?}");
    }
    assert!(count(pushes, |push| push.status == 502) > 0, "no push lost its function");
}

fn report(pushes: &[Push], ends: &str) {
    let mut statuses = BTreeMap::<u16, usize>::new();
    for push in pushes {
        *statuses.entry(push.status).or_default() += 1;
    }
    println!("{} pushes, answered {statuses:?}: {ends}", pushes.len());
}
