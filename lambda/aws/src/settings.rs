//! Reads settings that several binaries share from environment variables.
//!
//! Values are trimmed, and a variable that is empty counts as not set. Errors repeat no value but parts of invalid labels
//! and the path of an AMP URL, because it may be a secret in the wrong variable.

use std::fmt;
use std::ops::RangeInclusive;

use formats::{InvalidLabels, external_labels};
use remote_write::Labels;

use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::secret::{Secret, Service};
use crate::sign::Scope;
use crate::sqs::{self, Queue};
use crate::workspace::SERVICE;

/// The environment, as a lookup.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

/// The reason why a variable cannot be used, on one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// A required variable is not set.
    #[error("{variable} is not set: expected {expected}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// The values that it may have.
        expected: &'static str,
    },
    /// Another value than the allowed ones.
    #[error("{variable}: expected {expected}")]
    Value {
        /// The variable.
        variable: &'static str,
        /// The values that it may have.
        expected: &'static str,
    },
    /// Not a URL that requests can be sent to.
    #[error("{variable}: {reason}")]
    Url {
        /// The variable.
        variable: &'static str,
        /// The reason.
        reason: InvalidEndpoint,
    },
    /// Requests must be signed, and neither the variable nor the environment has a region.
    #[error("cannot determine the signing region: set AWS_REGION, or name the region in {0}")]
    NoRegion(&'static str),
    /// A file that cannot be read.
    #[error(
        "{variable}: expected certificates in PEM or a file with them, got a file that cannot be read: {reason}"
    )]
    File {
        /// The variable.
        variable: &'static str,
        /// The error of the system.
        reason: String,
    },
    /// Text that is not PEM, or has no valid certificate.
    #[error("{variable}: expected certificates in PEM, got {found}")]
    Certificates {
        /// The variable.
        variable: &'static str,
        /// A description of the text.
        found: &'static str,
    },
    /// Invalid external labels.
    #[error("{variable}: {reason}")]
    Labels {
        /// The variable.
        variable: &'static str,
        /// The reason.
        reason: InvalidLabels,
    },
}

impl<'a> Settings<'a> {
    /// Settings of the environment behind `lookup`, which returns the value of a variable.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// The value of a variable.
    pub fn text(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The region of the function: `AWS_REGION` or `AWS_DEFAULT_REGION`.
    pub fn region(&self) -> Option<String> {
        self.text("AWS_REGION").or_else(|| self.text("AWS_DEFAULT_REGION"))
    }

    /// A URL.
    ///
    /// # Errors
    /// [`InvalidSetting::Url`]
    pub fn endpoint(&self, variable: &'static str) -> Result<Option<Endpoint>, InvalidSetting> {
        let url = self.text(variable);
        url.map(|url| Endpoint::parse(&url))
            .transpose()
            .map_err(|reason| InvalidSetting::Url { variable, reason })
    }

    /// The URL of a remote-write receiver.
    ///
    /// # Errors
    /// [`InvalidSetting::Url`]
    pub fn remote_write_endpoint(&self, variable: &'static str) -> Result<Option<Endpoint>, InvalidSetting> {
        let endpoint = self.endpoint(variable)?;
        endpoint
            .map(|endpoint| endpoint.with_amp_path("/api/v1/remote_write"))
            .transpose()
            .map_err(|reason| InvalidSetting::Url { variable, reason })
    }

    /// How requests to the Prometheus API at `endpoint`, the value of `endpoint_variable`, are signed: `variable` is
    /// `sigv4`, the default, or `none`. The region in an AMP host takes precedence over that of the function.
    ///
    /// # Errors
    /// [`InvalidSetting::Value`] and [`InvalidSetting::NoRegion`]
    pub fn auth(
        &self,
        variable: &'static str,
        endpoint: &Endpoint,
        endpoint_variable: &'static str,
    ) -> Result<Option<Scope>, InvalidSetting> {
        let is_signed = self.choice(variable, "sigv4 or none", &[("sigv4", true), ("none", false)])?;
        if !is_signed.unwrap_or(true) {
            return Ok(None);
        }
        let region = self.region_or(endpoint.region(), endpoint_variable)?;
        Ok(Some(Scope { region, service: SERVICE }))
    }

    /// `named`, the region in the value of `variable`, or else that of the function.
    ///
    /// # Errors
    /// [`InvalidSetting::NoRegion`]
    pub fn region_or(&self, named: Option<&str>, variable: &'static str) -> Result<String, InvalidSetting> {
        let named = named.map(str::to_owned);
        named.or_else(|| self.region()).ok_or(InvalidSetting::NoRegion(variable))
    }

    /// A queue, given by its URL. `AWS_ENDPOINT_URL_SQS` replaces the API at the host of the URL. The region in the host
    /// takes precedence over that of the function.
    ///
    /// # Errors
    /// [`InvalidSetting::Url`], [`InvalidSetting::Value`] and [`InvalidSetting::NoRegion`]
    pub fn queue(&self, variable: &'static str) -> Result<Option<Queue>, InvalidSetting> {
        let (Some(url), Some(of_url)) = (self.text(variable), self.endpoint(variable)?) else {
            return Ok(None);
        };
        if of_url.uri().path() == "/" {
            let expected = "the URL of a queue, https://sqs.<region>.amazonaws.com/<account>/<name>";
            return Err(InvalidSetting::Value { variable, expected });
        }
        let region = self.region_or(sqs::region_of_host(of_url.uri()), variable)?;
        let endpoint = self.endpoint("AWS_ENDPOINT_URL_SQS")?.unwrap_or_else(|| of_url.root());
        Ok(Some(Queue { url, endpoint, region }))
    }

    /// The API of the AWS service `name` at the URL in `variable`, or else at that of AWS (AWS General Reference, "Service
    /// endpoints").
    ///
    /// # Errors
    /// [`InvalidSetting::Url`]
    pub fn service(
        &self,
        name: &'static str,
        variable: &'static str,
        region: String,
    ) -> Result<Service, InvalidSetting> {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let endpoint = match self.endpoint(variable)? {
            Some(endpoint) => endpoint,
            None => Endpoint::parse(&format!("https://{name}.{region}.amazonaws.com{suffix}"))
                .map_err(|reason| InvalidSetting::Url { variable, reason })?,
        };
        Ok(Service { endpoint, scope: Scope { region, service: name } })
    }

    /// A secret, given by its ARN. `AWS_ENDPOINT_URL_SECRETS_MANAGER` replaces the API. The region in the ARN takes
    /// precedence over that of the function.
    ///
    /// # Errors
    /// [`InvalidSetting::Url`] and [`InvalidSetting::NoRegion`]
    pub fn secret(&self, variable: &'static str) -> Result<Option<Secret>, InvalidSetting> {
        let Some(arn) = self.text(variable) else { return Ok(None) };
        let region = self.region_or(region_of_arn(&arn), variable)?;
        let service = self.service("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", region)?;
        Ok(Some(Secret { arn, service }))
    }

    /// Labels of every series, as a JSON object of strings. Labels with an empty value are left out.
    ///
    /// # Errors
    /// [`InvalidSetting::Labels`]
    pub fn external_labels(&self, variable: &'static str) -> Result<Labels<'static>, InvalidSetting> {
        let Some(json) = self.text(variable) else { return Ok(Labels::default()) };
        external_labels(&json).map_err(|reason| InvalidSetting::Labels { variable, reason })
    }

    /// One of `choices`, which `expected` lists.
    ///
    /// # Errors
    /// [`InvalidSetting::Value`]
    pub fn choice<T: Clone>(
        &self,
        variable: &'static str,
        expected: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, InvalidSetting> {
        let Some(value) = self.text(variable) else { return Ok(None) };
        match choices.iter().find(|(name, _)| *name == value) {
            Some((_, choice)) => Ok(Some(choice.clone())),
            None => Err(InvalidSetting::Value { variable, expected }),
        }
    }

    /// `true` or `false`, the default, in any case.
    ///
    /// # Errors
    /// [`InvalidSetting::Value`]
    pub fn flag(&self, variable: &'static str) -> Result<bool, InvalidSetting> {
        match self.text(variable).map(|value| value.to_ascii_lowercase()).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(InvalidSetting::Value { variable, expected: "true or false" }),
        }
    }

    /// A whole number in `range`, which `expected` describes.
    ///
    /// # Errors
    /// [`InvalidSetting::Value`]
    pub fn number(
        &self,
        variable: &'static str,
        expected: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, InvalidSetting> {
        let Some(value) = self.text(variable) else { return Ok(None) };
        let number = value.parse().ok().filter(|number| range.contains(number));
        number.map(Some).ok_or(InvalidSetting::Value { variable, expected })
    }
}

/// `arn:<partition>:<service>:<region>:<account>:…`
pub fn region_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMP: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write";

    /// Reads with an environment of `variables`.
    fn read<T>(variables: &[(&str, &str)], read: impl FnOnce(Settings<'_>) -> T) -> T {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        read(Settings::new(&find))
    }

    #[test]
    fn values_are_trimmed_and_empty_ones_are_not_set() {
        let text = |value| read(&[("A", value)], |settings| settings.text("A"));
        assert_eq!(text(" a b\n").as_deref(), Some("a b"));
        assert_eq!(text(" "), None);
    }

    #[test]
    fn the_region_of_an_amp_host_takes_precedence() {
        let auth = |url: &str, variables: &[(&str, &str)]| {
            let endpoint = Endpoint::parse(url).unwrap();
            read(variables, |settings| settings.auth("AUTH", &endpoint, "URL"))
        };
        let scope = |region: &str| Ok(Some(Scope { region: region.to_owned(), service: "aps" }));
        let local = "http://127.0.0.1:9/w";
        assert_eq!(auth(AMP, &[("AWS_REGION", "us-east-1")]), scope("eu-west-1"));
        assert_eq!(auth(local, &[("AWS_REGION", "us-east-1"), ("AUTH", "sigv4")]), scope("us-east-1"));
        assert_eq!(auth(local, &[("AWS_DEFAULT_REGION", "us-east-2")]), scope("us-east-2"));
        assert_eq!(auth(local, &[("AUTH", "none")]), Ok(None));
        assert_eq!(auth(local, &[]), Err(InvalidSetting::NoRegion("URL")));
        assert_eq!(auth(AMP, &[("AUTH", "basic")]).unwrap_err().to_string(), "AUTH: expected sigv4 or none");
    }

    #[test]
    fn a_queue_has_the_region_and_the_api_of_its_host() {
        let queue = |url: &str, variables: &[(&str, &str)]| {
            let variables = [&[("QUEUE", url)], variables].concat();
            read(&variables, |settings| settings.queue("QUEUE")).map(Option::unwrap)
        };
        for host in [
            "sqs.eu-central-1.amazonaws.com",
            "sqs-fips.eu-central-1.amazonaws.com",
            "eu-central-1.queue.amazonaws.com",
        ] {
            let queue = queue(&format!("https://{host}/1/q"), &[("AWS_REGION", "us-east-1")]).unwrap();
            assert_eq!(queue.region, "eu-central-1", "{host}");
            assert_eq!(queue.endpoint.uri().to_string(), format!("https://{host}/"));
        }
        let url = "https://sqs.cn-north-1.amazonaws.com.cn/1/q";
        let local = queue(url, &[("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:5000")]).unwrap();
        assert_eq!(local.endpoint.uri().authority().unwrap(), "127.0.0.1:5000");
        assert_eq!((local.url.as_str(), local.region.as_str()), (url, "cn-north-1"));
        let other = "https://sqs.example.com/1/q";
        assert_eq!(queue(other, &[("AWS_REGION", "us-east-1")]).unwrap().region, "us-east-1");
        assert_eq!(queue(other, &[]), Err(InvalidSetting::NoRegion("QUEUE")));
        let no_path = queue("https://sqs.eu-west-1.amazonaws.com", &[]).unwrap_err().to_string();
        assert!(no_path.starts_with("QUEUE: expected the URL of a queue, https://sqs."), "{no_path}");
        assert_eq!(read(&[], |settings| settings.queue("QUEUE")), Ok(None));
    }

    #[test]
    fn choices_flags_and_numbers_have_no_other_values() {
        let choices = &[("one", 1), ("two", 2)];
        let choice = |value| read(&[("A", value)], |settings| settings.choice("A", "one or two", choices));
        assert_eq!((choice("two"), choice("")), (Ok(Some(2)), Ok(None)));
        assert_eq!(choice("hunter2").unwrap_err().to_string(), "A: expected one or two");
        let flag = |value| read(&[("A", value)], |settings| settings.flag("A"));
        assert_eq!((flag("TRUE"), flag("false"), flag("")), (Ok(true), Ok(false), Ok(false)));
        assert_eq!(flag("yes").unwrap_err().to_string(), "A: expected true or false");
        let number = |value| read(&[("A", value)], |settings| settings.number("A", "1 to 9", 1..=9));
        assert_eq!((number("9"), number("")), (Ok(Some(9)), Ok(None)));
        for invalid in ["0", "10", "1.0", "-1", "x"] {
            assert_eq!(number(invalid).unwrap_err().to_string(), "A: expected 1 to 9");
        }
    }

    #[test]
    fn an_error_names_the_variable_on_one_line() {
        let url = |value| read(&[("URL", value)], |settings| settings.remote_write_endpoint("URL"));
        assert_eq!(url(""), Ok(None));
        let labels = read(&[("L", r#"{"a":"1","a":"2"}"#)], |settings| settings.external_labels("L"));
        for (message, expected) in [
            (url("example.com").unwrap_err().to_string(), "URL: "),
            (
                url("https://aps-workspaces.eu-west-1.amazonaws.com/api/v1/query").unwrap_err().to_string(),
                "URL: expected the path /workspaces/<workspace id>/api/v1/remote_write",
            ),
            (labels.unwrap_err().to_string(), "L: duplicate label \"a\""),
        ] {
            assert!(message.starts_with(expected), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}
