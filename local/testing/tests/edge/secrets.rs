//! Every source of credentials at every log level: no secret is logged or answered.

use std::fs;

use local_lambda::runtime::{Function, FunctionOptions, Invocation};
use local_testing::scripted::{Request, closed_port};
use tempfile::TempDir;

use crate::push_gateway;
use crate::server::{AUTHORITY, Proxy, Server};

const EVENT: &str = r#"{"dimensions":{},"timestamp":1676398017000,"metrics":{"ph":7}}"#;

const ACCESS_KEY: &str = "AKIDOFTHISSOURCE";

/// The secrets: the secret key, the session token, and the token that a source of credentials receives.
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYSECRETKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEA/SESSION+TOKEN/of/a+fair+length==";
const SHOWN: &str = "eyJhbGciOi-SHOWN-TO-THE-SOURCE-ONLY";
const SECRETS: [&str; 3] = [SECRET_KEY, TOKEN, SHOWN];

/// A receiver that refuses every signature and repeats the session token, as AMP does, in several notations.
fn receiver(request: &Request) -> (u16, String) {
    let token = request.header("x-amz-security-token");
    let escaped = token.replace('/', "\\/");
    let encoded = token.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    let text = format!(
        "x-amz-security-token:{token}\\nhost {escaped} x-amz-security-token%3A{encoded} {}",
        token.get(..20).unwrap_or_default()
    );
    (403, text)
}

fn credentials() -> String {
    let expiration = "2999-01-01T00:00:00Z";
    format!(
        r#"{{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"{ACCESS_KEY}","SecretAccessKey":"{SECRET_KEY}","Token":"{TOKEN}","Expiration":"{expiration}"}}"#
    )
}

/// STS's answer to `AssumeRole` and `AssumeRoleWithWebIdentity`.
fn assumed(request: &Request) -> String {
    let body = String::from_utf8_lossy(&request.body);
    let action = if body.contains("WithWebIdentity") { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser>\
         <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{ACCESS_KEY}</AccessKeyId><SecretAccessKey>{SECRET_KEY}</SecretAccessKey>\
         <SessionToken>{TOKEN}</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
         </{action}Result></{action}Response>"
    )
}

/// The container's and the instance's service for credentials.
fn service(request: &Request) -> (u16, String) {
    match request.target.as_str() {
        "/latest/api/token" => (200, SHOWN.to_owned()),
        "/latest/meta-data/iam/security-credentials/" => (200, "role".to_owned()),
        _ => (200, credentials()),
    }
}

/// A function without credentials that logs everything.
fn options(receiver: &Server, verbose: (&str, &str)) -> FunctionOptions {
    FunctionOptions::new(push_gateway())
        .env("REMOTE_WRITE_URL", receiver.url("/w"))
        .env(verbose.0, verbose.1)
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("AWS_SESSION_TOKEN", "")
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

const VERBOSE: [(&str, &str); 3] = [
    ("RUST_LOG", "trace"),
    ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
    (
        "RUST_LOG",
        "trace,aws_config=trace,aws_sigv4=trace,aws_smithy_runtime::client=trace,hyper=trace,reqwest=trace",
    ),
];

async fn invoke(options: FunctionOptions) -> Invocation {
    let mut function = Function::spawn(options).await.expect("a start");
    function.invoke(EVENT).await
}

fn assert_hidden(source: &str, invocation: &Invocation) {
    let (kind, message) = invocation.function_error().expect("the receiver refuses");
    assert_eq!(kind, "WriteFailed", "{source}: {message}");
    let output = format!("{message}\n{}", invocation.logs.join("\n"));
    for secret in SECRETS {
        // A beginning is enough for a search; every notation leaves letters and digits as they are.
        for part in secret.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| part.len() >= 8) {
            assert!(!output.contains(part), "{source}: {part} in\n{output}");
        }
    }
}

/// Invokes with each verbose setting, and checks that the request was signed with the credentials of `source`.
async fn check(source: &str, set: impl Fn(FunctionOptions) -> FunctionOptions) {
    for verbose in VERBOSE {
        let receiver = Server::plain(receiver).await;
        let invocation = invoke(set(options(&receiver, verbose))).await;
        assert_hidden(source, &invocation);
        let requests = receiver.requests();
        assert!(!requests.is_empty(), "{source}: {invocation:?}");
        assert!(requests[0].header("authorization").contains(ACCESS_KEY), "{source}: {invocation:?}");
        assert!(
            invocation.logs.iter().any(|line| line.contains("Invocation done")),
            "{source}: {invocation:?}"
        );
    }
}

#[tokio::test]
async fn environment_variables_are_not_logged() {
    check("environment", |options| {
        options
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_SESSION_TOKEN", TOKEN)
    })
    .await;
}

#[tokio::test]
async fn credentials_of_a_profile_are_not_logged() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("credentials");
    let profile = format!(
        "[default]\naws_access_key_id={ACCESS_KEY}\naws_secret_access_key={SECRET_KEY}\naws_session_token={TOKEN}\n"
    );
    fs::write(&path, profile).expect("written");
    let path = path.to_str().expect("UTF-8");
    check("profile", |options| options.env("AWS_SHARED_CREDENTIALS_FILE", path)).await;
}

#[tokio::test]
async fn credentials_of_a_container_endpoint_are_not_logged() {
    let service = Server::plain(service).await;
    check("container", |options| {
        options
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url(&format!("/{SHOWN}?key={SHOWN}")))
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", SHOWN)
    })
    .await;
    assert_eq!(service.requests()[0].header("authorization"), SHOWN);
}

#[tokio::test]
async fn credentials_of_an_instance_are_not_logged() {
    let service = Server::plain(service).await;
    check("instance", |options| {
        options
            .env("AWS_EC2_METADATA_DISABLED", "false")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url(""))
    })
    .await;
    assert!(service.requests().iter().any(|request| request.header("x-aws-ec2-metadata-token") == SHOWN));
}

#[tokio::test]
async fn credentials_of_an_assumed_role_are_not_logged() {
    let folder = TempDir::new().expect("a folder");
    let (identity, config) = (folder.path().join("identity"), folder.path().join("config"));
    fs::write(&identity, SHOWN).expect("written");
    let source =
        "[profile source]\naws_access_key_id=AKIDSOURCE\naws_secret_access_key=wJalrXUtnFEMISOURCE\n";
    let role = "[profile role]\nrole_arn=arn:aws:iam::123456789012:role/r\nsource_profile=source\n";
    fs::write(&config, format!("{source}{role}")).expect("written");
    let sts = Server::tls(|request| (200, assumed(request))).await;
    let proxy = Proxy::to(&sts).await;
    let through =
        |options: FunctionOptions| options.env("CA_CERTIFICATES", AUTHORITY).env("HTTPS_PROXY", &proxy.url);
    check("web identity", |options| {
        through(options)
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", identity.to_str().expect("UTF-8"))
            .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
    })
    .await;
    assert!(String::from_utf8_lossy(&sts.requests()[0].body).contains(SHOWN));
    check("role of a profile", |options| {
        through(options).env("AWS_CONFIG_FILE", config.to_str().expect("UTF-8")).env("AWS_PROFILE", "role")
    })
    .await;
}

#[tokio::test]
async fn the_url_of_an_unreachable_source_is_not_logged() {
    let host = format!("127.0.0.1:{}", closed_port().expect("a free port"));
    for verbose in VERBOSE {
        let receiver = Server::plain(receiver).await;
        let url = format!("http://{host}/{SHOWN}?key={SHOWN}");
        let options = options(&receiver, verbose).env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
        let invocation = invoke(options).await;
        assert_hidden("container", &invocation);
        assert!(invocation.function_error().expect("an error").1.contains(&host), "{invocation:?}");
    }
}

/// A failed source may repeat its token, or return a part of the credentials.
#[tokio::test]
async fn answers_that_cannot_be_used_are_not_logged() {
    let broken = credentials().replace("\"AccessKeyId\"", "\"AccessKey\"");
    let cut = credentials().replace("\"Expiration\"", "");
    for (status, body) in
        [(200, broken), (200, cut), (400, credentials()), (403, format!("{SHOWN} is unknown"))]
    {
        let answer = (status, body);
        let service = Server::plain({
            let answer = answer.clone();
            move |request: &Request| {
                if request.target == "/latest/api/token" { (200, SHOWN.to_owned()) } else { answer.clone() }
            }
        })
        .await;
        for verbose in VERBOSE {
            let receiver = Server::plain(receiver).await;
            let container = options(&receiver, verbose)
                .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url("/credentials"))
                .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", SHOWN);
            let instance = options(&receiver, verbose)
                .env("AWS_EC2_METADATA_DISABLED", "false")
                .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url(""));
            for (source, options) in [("container", container), ("instance", instance)] {
                assert_hidden(&format!("{source}, {answer:?}"), &invoke(options).await);
            }
            assert!(receiver.requests().is_empty());
        }
    }
}
