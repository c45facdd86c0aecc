//! How AWS is reached: configuration, timeouts, and a client for each Region.

use std::cell::{OnceCell as Once, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use aws_config::profile::load;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_tags::table::operation::{Api, Request};
use aws_tags::tagging::Scope;
use aws_types::os_shim_internal::{Env, Fs};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::budget::Budget;
use crate::error::Error;
use crate::operation::OperationCaller;
use crate::pace::Paces;

/// Attempts of one call, including the first, where AWS fails inside or does not answer.
const ATTEMPTS: u32 = 3;
/// All attempts of one call.
const CALL_TIME: Duration = Duration::from_secs(15);
/// A call answers within a second or two, or not at all: a silent connection is given up, and the next
/// attempt gets a new one.
const ATTEMPT_TIME: Duration = Duration::from_secs(6);
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// An AWS account, reached with the credentials of the environment.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    scope: OnceCell<Scope>,
    budget: Budget,
    paces: Paces,
    operations: Once<OperationCaller>,
}

/// Overrides of the environment's configuration.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A profile of the shared AWS configuration files.
    pub profile: Option<String>,
    pub region: Option<String>,
    /// The address that all calls go to, e.g. of a local AWS.
    pub endpoint_url: Option<String>,
    /// Processes that share AWS's quotas, if more than this one.
    pub processes: u32,
}

impl Access {
    /// What is wrong with the shared configuration files, if anything is: the SDK takes no notice, and finds no
    /// credentials.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
    pub async fn flaw(&self) -> Option<String> {
        let given = self.profile.clone().map(|name| ("--profile", name));
        let asked = given.or_else(|| Some(("AWS_PROFILE", std::env::var("AWS_PROFILE").ok()?)));
        let profiles = match load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await {
            Ok(profiles) => profiles,
            Err(error) => {
                let reason = std::error::Error::source(&error).map(|source| format!(": {source}"));
                return Some(format!("the shared AWS configuration: {error}{}", reason.unwrap_or_default()));
            }
        };
        let (by, name) = asked.filter(|(_, name)| !name.is_empty())?;
        let Some(profile) = profiles.get_profile(&name) else {
            let mut all: Vec<_> = profiles.profiles().collect();
            all.sort_unstable();
            let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            return Some(format!("{by}: the shared AWS configuration has no profile `{name}`, it has {all}"));
        };
        let source = profile.get("source_profile").filter(|source| profiles.get_profile(source).is_none())?;
        Some(format!("{by}: the source_profile of `{name}` is `{source}`, and there is no such profile"))
    }
}

impl Aws {
    /// Reads Region, credentials and endpoints as all AWS tools do, except what `access` overrides.
    pub async fn connect(access: &Access) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIME)
                    .operation_attempt_timeout(ATTEMPT_TIME)
                    .operation_timeout(CALL_TIME)
                    .build(),
            );
        if let Some(profile) = &access.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &access.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &access.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let budget = Budget::default();
        let paces = Paces::new(budget.clone(), access.processes);
        Self { config: loader.load().await, scope: OnceCell::new(), budget, paces, operations: Once::new() }
    }

    /// The account that is served and our own role, by the credentials. Asked for once.
    pub async fn scope(&self) -> Result<&Scope, Error> {
        self.scope
            .get_or_try_init(async || {
                let identity = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await?;
                let role = identity.arn.filter(|arn| arn.contains(":assumed-role/"));
                Ok(Scope {
                    account: identity.account,
                    // `assumed-role/role/session`: other sessions of the role are ours as well.
                    own_role_sessions: role.and_then(|arn| Some(format!("{}/", arn.rsplit_once('/')?.0))),
                })
            })
            .await
    }

    /// The time of the invocation under way.
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The pace of all calls of this process.
    pub(crate) const fn paces(&self) -> &Paces {
        &self.paces
    }

    /// Makes a call in its turn: as often as AWS allows the operation, as far as it says and throttling tells.
    pub async fn in_turn<T, E>(
        &self,
        (service, operation): (&'static str, &'static str),
        region: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error>
    where
        Error: From<E>,
    {
        self.paces.call((service, operation), region, call).await
    }

    /// Calls an operation of a service that has no SDK here, and speaks JSON in the version that its content type
    /// names. `target` is the operation as `X-Amz-Target` has it.
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>
    pub async fn call_json(
        &self,
        api: &'static Api,
        (content_type, target): (&'static str, &'static str),
        region: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let operations = self.operations.get_or_init(|| OperationCaller::new(self.config.clone()));
        let request = Request {
            method: "POST",
            path: "/".to_owned(),
            headers: vec![("content-type", content_type.to_owned()), ("x-amz-target", target.to_owned())],
            body: body.to_string(),
        };
        let name = target.rsplit('.').next().unwrap_or_default();
        let answer = operations.send(api, name, region, "", request).await?;
        serde_json::from_str(&answer).map_err(Error::incomplete)
    }

    /// The configuration for clients of further services.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

/// One client per Region, made when it is first used.
#[derive(Debug)]
pub(crate) struct Regional<C> {
    config: SdkConfig,
    clients: RefCell<HashMap<String, C>>,
    make: fn(&SdkConfig) -> C,
}

impl<C: Clone> Regional<C> {
    pub(crate) fn new(config: &SdkConfig, make: fn(&SdkConfig) -> C) -> Self {
        Self { config: config.clone(), clients: RefCell::default(), make }
    }

    pub(crate) fn client(&self, region: &str) -> C {
        if let Some(client) = self.clients.borrow().get(region) {
            return client.clone();
        }
        let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        let client = (self.make)(&config);
        self.clients.borrow_mut().insert(region.to_owned(), client.clone());
        client
    }
}
