//! AWS behind the traits of `aws-tags`: session table, IAM tags, look-ups, taggers.
//!
//! Clients are made when they are first used, one per Region, and kept: a warm invocation with a
//! known principal and session makes no call but the tagging one.

mod cache;
mod error;
pub mod lambda;
mod look_ups;
mod native;
#[cfg(feature = "operations")]
pub mod operations;
mod principals;
mod refusal;
mod sessions;
mod tagger;

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_tags::Served;
use time::OffsetDateTime;
use tokio::sync::OnceCell;

pub use error::Error;
pub use look_ups::AwsLookUps;
pub use principals::IamTags;
pub use sessions::SessionTable;
pub use tagger::AwsTagger;

/// Tries of one call, the first included; throttling is waited out in between.
const ATTEMPTS: u32 = 4;
/// A tagging call answers within a second or two, or not at all.
const CALL_TIME: Duration = Duration::from_secs(20);
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// An AWS account, reached with the credentials of the environment.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    served: OnceCell<Served>,
}

/// What overrides the environment's configuration.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// The Region.
    pub region: Option<String>,
    /// Where all calls go, e.g. to a local AWS.
    pub endpoint_url: Option<String>,
}

impl Aws {
    /// Reads Region, credentials and endpoints as all AWS tools do, but for what is overridden.
    pub async fn connect(access: &Access) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT_TIME).operation_timeout(CALL_TIME).build(),
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
        Self { config: loader.load().await, served: OnceCell::new() }
    }

    /// Whom the credentials belong to: the account that is served, and our own role. Asked once.
    pub async fn served(&self) -> Result<&Served, Error> {
        self.served
            .get_or_try_init(async || {
                let identity = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await?;
                Ok(Served {
                    account: identity.account,
                    // `assumed-role/role/session`: the role's other sessions are us as well.
                    own_sessions: identity.arn.filter(|arn| arn.contains(":assumed-role/")).and_then(|arn| {
                        let (role, _session) = arn.rsplit_once('/')?;
                        Some(format!("{role}/"))
                    }),
                })
            })
            .await
    }

    /// The session table of this name.
    pub fn sessions(&self, table: String) -> SessionTable {
        SessionTable::new(aws_sdk_dynamodb::Client::new(&self.config), table)
    }

    /// IAM tags of roles and users.
    pub fn principal_tags(&self) -> IamTags {
        IamTags::new(aws_sdk_iam::Client::new(&self.config))
    }

    /// Answers to what records do not tell.
    pub fn look_ups(&self) -> AwsLookUps {
        AwsLookUps::new(self.config.clone())
    }

    /// The tagging APIs.
    pub fn tagger(&self) -> AwsTagger {
        AwsTagger::new(self.config.clone())
    }
}

/// The time by this machine's clock.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// One client per Region, made when it is first used.
#[derive(Debug)]
struct Regional<C> {
    config: SdkConfig,
    clients: RefCell<HashMap<String, C>>,
    make: fn(&SdkConfig) -> C,
}

impl<C: Clone> Regional<C> {
    fn new(config: &SdkConfig, make: fn(&SdkConfig) -> C) -> Self {
        Self { config: config.clone(), clients: RefCell::default(), make }
    }

    fn client(&self, region: &str) -> C {
        if let Some(client) = self.clients.borrow().get(region) {
            return client.clone();
        }
        let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        let client = (self.make)(&config);
        self.clients.borrow_mut().insert(region.to_owned(), client.clone());
        client
    }
}
