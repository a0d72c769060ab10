//! What the gateway sends to a receiver: runs of pushes, of which the rules check the requests that arrived.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use local_testing::clock::Clock;
use local_testing::cortex::{Cortex, CortexOptions};
use local_testing::prometheus::Prometheus;
use local_testing::prometheus::client::PrometheusClient;

use super::message::{Message, Series, decode};
use super::pushes::{busy_otlp, busy_text, gauges, one, order, stale};
use super::recorder::{Fate, Recorded, Recorder};
use crate::gateway::Gateway;
use crate::stored::{self, Stored};

/// The text of an error that looks like an instruction.
pub(crate) const MISLEADING: &str = "out of order sample: please retry later, status 503";

/// The statuses after which nothing is sent again. 408 has a rule of its own.
const REJECTIONS: &[u16] = &[
    400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 431,
    451,
];

/// A receiver of both versions or of 1.0.
pub(crate) struct Receiver {
    remote_write_url: String,
    query: PrometheusClient,
    _process: Process,
}

enum Process {
    Prometheus { _process: Prometheus },
    Cortex { _process: Cortex },
}

impl Receiver {
    pub(crate) async fn prometheus(program: &Path) -> Self {
        let prometheus = Prometheus::start(program, 0).await.expect("it starts");
        Self {
            remote_write_url: format!("{}/api/v1/write", prometheus.url()),
            query: PrometheusClient::new(prometheus.url()).expect("a base URL"),
            _process: Process::Prometheus { _process: prometheus },
        }
    }

    pub(crate) async fn cortex() -> Self {
        let program = Cortex::find().expect("CORTEX: a built Cortex");
        let limits = vec![("out_of_order_time_window", "1h".to_owned())];
        let options = CortexOptions { limits, remote_write_2: true, ..CortexOptions::default() };
        let cortex = Cortex::start(&program, &options).await.expect("it starts");
        Self {
            remote_write_url: cortex.remote_write_url(),
            query: PrometheusClient::new(&cortex.query_url()).expect("a base URL"),
            _process: Process::Cortex { _process: cortex },
        }
    }
}

/// What one push, or several, led to.
pub(crate) struct Run {
    /// The statuses of the answers to the pushes.
    pub(crate) answers: Vec<u16>,
    pub(crate) requests: Vec<Recorded>,
    /// The requests, decoded; or why one is not readable.
    pub(crate) messages: Result<Vec<Message>, String>,
    pub(crate) logs: Vec<String>,
}

impl Run {
    /// The messages, of which there is at least one.
    pub(crate) fn messages(&self) -> Result<&[Message], String> {
        match &self.messages {
            Ok(messages) if messages.is_empty() => Err("no request arrived".to_owned()),
            Ok(messages) => Ok(messages),
            Err(reason) => Err(reason.clone()),
        }
    }

    /// The requests with samples.
    pub(crate) fn with_samples(&self) -> Result<Vec<(&Recorded, &Message)>, String> {
        let pairs = self.requests.iter().zip(self.messages()?);
        let pairs: Vec<_> = pairs.filter(|(_, message)| !message.series.is_empty()).collect();
        if pairs.is_empty() { Err("no request with samples arrived".to_owned()) } else { Ok(pairs) }
    }

    /// All series of all requests.
    pub(crate) fn series(&self) -> Result<Vec<&Series>, String> {
        let series: Vec<_> = self.messages()?.iter().flat_map(|message| &message.series).collect();
        if series.is_empty() { Err("no series arrived".to_owned()) } else { Ok(series) }
    }
}

/// The runs with one receiver in one version.
pub(crate) struct Evidence {
    pub(crate) now_ms: i64,
    /// Many names, labels and values.
    pub(crate) busy: Run,
    /// Samples of 40 minutes in no order, to a slow receiver.
    pub(crate) order: Run,
    /// A series that ends.
    pub(crate) stale: Run,
    /// Six answers of 5xx, then that of the receiver.
    pub(crate) unavailable: Run,
    /// 408, then the answer of the receiver.
    pub(crate) timed_out: Run,
    /// Each other status of 4xx for one sample.
    pub(crate) rejected: BTreeMap<u16, Run>,
    /// 400 with a misleading text.
    pub(crate) misleading: Run,
    /// A success with a body.
    pub(crate) with_body: Run,
    /// A client that sends the headers of the protocol with other values.
    pub(crate) headers: Run,
    /// A success with the version 0.1.0 in its headers, and another push.
    pub(crate) other_version: Run,
    /// With `auto`: three pushes, the first request of which has this fate.
    pub(crate) auto_415: Run,
    pub(crate) auto_400: Run,
    pub(crate) auto_without_written: Run,
    /// All samples of the receiver after the runs.
    pub(crate) stored: Stored,
    /// The series that it returns for an instant query.
    pub(crate) current: Vec<stored::Labels>,
}

impl Evidence {
    /// `protocol` is `1.0` or `2.0`.
    pub(crate) async fn gather(receiver: &Receiver, protocol: &str) -> Self {
        let now_ms = Clock::system().now_ms();
        let stage = Stage::start(receiver, protocol).await;
        let busy = stage.run(&[(TEXT, busy_text(now_ms)), (OTLP, busy_otlp(now_ms))]).await;
        stage.recorder.fates([], Some(Fate::Late(Duration::from_millis(20))));
        let order = stage.run(&[(OTLP, order(now_ms))]).await;
        stage.recorder.fates([], None);
        let ended = stage.run(&[(OTLP, stale(now_ms - 3_000, 0)), (OTLP, stale(now_ms - 2_000, 1))]).await;
        let refused = [500, 502, 503, 504, 500, 599].map(|status| Fate::Refused(status, "not now"));
        let unavailable = stage.with(&refused, None, "retried").await;
        let timed_out = stage.with(&[Fate::Refused(408, "")], None, "timed_out").await;
        let mut rejected = BTreeMap::new();
        for &status in REJECTIONS {
            let run = stage.with(&[], Some(Fate::Refused(status, "")), &format!("rejected_{status}")).await;
            rejected.insert(status, run);
        }
        let misleading = stage.with(&[], Some(Fate::Refused(400, MISLEADING)), "misleading").await;
        let with_body = stage.with(&[], Some(Fate::WithBody("{\"status\":\"error\"}")), "with_body").await;
        stage.recorder.fates([], None);
        let headers = stage.headers().await;
        let version = Fate::WithHeader("x-prometheus-remote-write-version", "0.1.0");
        let other_version = {
            stage.recorder.fates([version], None);
            stage.run(&[(TEXT, one("version_1", now_ms)), (TEXT, one("version_2", now_ms))]).await
        };
        let [auto_415, auto_400, auto_without_written] = if protocol == "2.0" {
            let fates = [Fate::Refused(415, ""), Fate::Refused(400, ""), Fate::WithoutWritten];
            let mut runs = Vec::new();
            for (at, fate) in fates.into_iter().enumerate() {
                let stage = Stage::start(receiver, "auto").await;
                stage.recorder.fates([fate], None);
                let pushes = [1, 2, 3].map(|push| (TEXT, one(&format!("auto_{at}_{push}"), now_ms)));
                runs.push(stage.run(&pushes).await);
            }
            runs.try_into().ok().expect("three runs")
        } else {
            [(); 3].map(|()| Run { answers: vec![], requests: vec![], messages: Ok(vec![]), logs: vec![] })
        };
        let end_s = now_ms / 1_000 + 60;
        let stored = stored::samples(&receiver.query, "{__name__!=\"\"}", end_s).await;
        let current = stored::current(&receiver.query, "{__name__=~\"gone|measured\"}").await;
        Self {
            now_ms,
            busy,
            order,
            stale: ended,
            unavailable,
            timed_out,
            rejected,
            misleading,
            with_body,
            headers,
            other_version,
            auto_415,
            auto_400,
            auto_without_written,
            stored,
            current,
        }
    }

    /// Whether the receiver has one sample of the metric `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.stored.iter().any(|(labels, samples)| labels["__name__"] == name && samples.len() == 1)
    }
}

const TEXT: (&str, &str) = ("/metrics/job/senders", "text/plain; version=0.0.4");
const OTLP: (&str, &str) = ("/v1/metrics", "application/x-protobuf");

type Push = ((&'static str, &'static str), Vec<u8>);

struct Stage {
    recorder: Recorder,
    gateway: Gateway,
}

impl Stage {
    async fn start(receiver: &Receiver, protocol: &str) -> Self {
        let recorder = Recorder::start(receiver.remote_write_url.clone()).await;
        let gateway = Gateway::start(&recorder.url(), protocol).await;
        Self { recorder, gateway }
    }

    async fn run(&self, pushes: &[Push]) -> Run {
        let mut answers = Vec::new();
        for ((path, content_type), body) in pushes {
            answers.push(self.gateway.post(path, content_type, body.clone()).await.0);
        }
        self.ended(answers)
    }

    fn ended(&self, answers: Vec<u16>) -> Run {
        let requests = self.recorder.take();
        let messages = requests.iter().map(decode).collect();
        Run { answers, requests, messages, logs: self.gateway.take_logs() }
    }

    /// Pushes one sample of the metric `name` while requests have these fates.
    async fn with(&self, next: &[Fate], always: Option<Fate>, name: &str) -> Run {
        self.recorder.fates(next.to_vec(), always);
        self.run(&[(OTLP, gauges(&[(name, 1.0, 0)], Clock::system().now_ms() - 1_000))]).await
    }

    /// Pushes with another encoding, and with another type.
    async fn headers(&self) -> Run {
        let headers = [
            ("content-encoding", "gzip"),
            ("user-agent", "client/1"),
            ("x-prometheus-remote-write-version", "9.9.9"),
        ];
        let now_ms = Clock::system().now_ms();
        let body = compressed(&gauges(&[("headers_1", 1.0, 0)], now_ms - 1_000));
        let (first, _) = self.gateway.post_with(OTLP.0, OTLP.1, body, &headers).await;
        let body = one("headers_2", now_ms);
        let (second, _) = self.gateway.post_with(TEXT.0, TEXT.1, body, &headers[1..]).await;
        self.ended(vec![first, second])
    }
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory")
}
