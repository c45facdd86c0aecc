//! A service's operation that has no SDK here, called with the SDKs' signing, retries and HTTP client.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation as Call;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_tags::Arn;
use aws_tags::table::Lookup;
use aws_tags::table::operation::{
    Api, AtLaunch, Discovery, LookupOperation, Operation, ReadOperation, Request, ResolvedEndpoint,
    TagOperation, TimeOperation, UntagOperation,
};
use aws_tags::tags::TagMap;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use time::OffsetDateTime;

use crate::cache::Cache;
use crate::error::Error;
use crate::error_response;
use crate::pace::OperationName;
use crate::retry::OnceIfThrottled;

/// Parts of an answer that are read: more than any resource has tags.
const MOST_PAGES: usize = 100;

/// How long a discovered host counts: far below the day that Timestream allows.
/// <https://docs.aws.amazon.com/timestream/latest/developerguide/Using.API.endpoint-discovery.describe-endpoints-implementation.html>
const DISCOVERED_FOR: Duration = Duration::from_secs(15 * 60);

/// Calls services' operations.
#[derive(Debug)]
pub(crate) struct OperationCaller {
    config: SdkConfig,
    /// Made once: the credentials cache distinguishes resolvers by their identity.
    identity: Option<SharedIdentityResolver>,
    /// Hosts that APIs told, by their usual ones.
    discovered: Cache<String, String>,
}

impl OperationCaller {
    pub(crate) fn new(config: SdkConfig) -> Self {
        let identity = config.credentials_provider().map(SharedIdentityResolver::new);
        Self { config, identity, discovered: Cache::new(DISCOVERED_FOR) }
    }

    /// Adds the tags to one resource, in as many calls as the operation needs for their number.
    pub(crate) async fn add(
        &self,
        tag: &'static TagOperation,
        region: &str,
        arn: &Arn,
        tags: &TagMap,
        at_launch: AtLaunch,
    ) -> Result<(), Error> {
        let call = self.call(&tag.operation, region, arn).await?;
        let tags: Vec<_> = tags.iter().collect();
        for chunk in tags.chunks(tag.tags_per_call.max(1)) {
            let chunk = chunk.iter().map(|(key, value)| ((*key).clone(), (*value).clone())).collect();
            call.invoke(tag.request(arn, &chunk, at_launch)).await?;
        }
        Ok(())
    }

    /// Takes the tags from one resource, in as many calls as the operation needs for their number.
    pub(crate) async fn remove(
        &self,
        untag: &'static UntagOperation,
        region: &str,
        arn: &Arn,
        tags: &TagMap,
    ) -> Result<(), Error> {
        let call = self.call(&untag.operation, region, arn).await?;
        let tags: Vec<_> = tags.iter().collect();
        for chunk in tags.chunks(untag.keys_per_call.max(1)) {
            let chunk = chunk.iter().map(|(key, value)| ((*key).clone(), (*value).clone())).collect();
            call.invoke(untag.request(arn, &chunk)).await?;
        }
        Ok(())
    }

    /// The tags of one resource, in as many calls as the answer has parts.
    pub(crate) async fn list(
        &self,
        read: &'static ReadOperation,
        region: &str,
        arn: &Arn,
    ) -> Result<TagMap, Error> {
        let call = self.call(&read.operation, region, arn).await?;
        let (mut tags, mut next, mut found) = (TagMap::new(), None, false);
        for _ in 0..MOST_PAGES {
            let body = call.invoke(read.request(arn, next.as_deref())).await?;
            let page = read.page(arn, &body).map_err(Error::incomplete)?;
            tags.extend(page.tags);
            found |= page.found;
            next = page.next;
            match (next.is_some(), found) {
                (true, _) => {}
                (false, true) => return Ok(tags),
                (false, false) => {
                    return Err(Error::incomplete(format!("{} does not list it", read.operation.name)));
                }
            }
        }
        Err(Error::incomplete(format!("{} has no end", read.operation.name)))
    }

    /// When one resource was created.
    pub(crate) async fn creation_time(
        &self,
        time: &'static TimeOperation,
        region: &str,
        arn: &Arn,
    ) -> Result<Option<OffsetDateTime>, Error> {
        let body = self.call(&time.operation, region, arn).await?.invoke(time.request(arn)).await?;
        time.time(&body).map_err(Error::incomplete)
    }

    /// What is told about one subject of a lookup: the body of the answer.
    pub(crate) async fn look_up(
        &self,
        operation: &'static LookupOperation,
        Lookup { region, account, question, .. }: &Lookup,
        subject: &str,
    ) -> Result<String, Error> {
        let Operation { api, name, .. } = operation.operation;
        self.send(api, name, region, account, operation.request(question, subject)).await
    }

    /// Any call: the body of its answer.
    pub(crate) async fn send(
        &self,
        api: &'static Api,
        name: &'static str,
        region: &str,
        account: &str,
        request: Request,
    ) -> Result<String, Error> {
        Ok(self.call_of(api, name, region, account).await?.invoke(request).await?)
    }

    /// The endpoint that the user configured for this service, or for all, in the SDKs' order.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
    fn endpoint_url(&self, api: &Api) -> Option<String> {
        let for_all = self.config.endpoint_url().map(str::to_owned);
        if self.config.get_origin("endpoint_url").is_client_config() {
            return for_all;
        }
        let key = ServiceConfigKey::builder()
            .service_id(api.service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        self.config.service_config().and_then(|settings| settings.load_config(key)).or(for_all)
    }

    async fn call(
        &self,
        operation: &'static Operation,
        region: &str,
        arn: &Arn,
    ) -> Result<Call<Request, String, ErrorMetadata>, Error> {
        self.call_of(operation.api, operation.name, region, arn.account()).await
    }

    /// The call without its request.
    async fn call_of(
        &self,
        api: &'static Api,
        name: &'static str,
        region: &str,
        account: &str,
    ) -> Result<Call<Request, String, ErrorMetadata>, Error> {
        let mut endpoint = api.endpoint.resolve(region, account);
        // As in SDKs, an endpoint of the user's is called as it is.
        let url = match (self.endpoint_url(api), api.endpoint.discovery) {
            (Some(url), _) => url,
            (None, Some(discovery)) => {
                endpoint.host = self.discovered(api, discovery, &endpoint).await?;
                format!("https://{}", endpoint.host)
            }
            (None, None) => format!("https://{}", endpoint.host),
        };
        self.call_to(&url, api, name, endpoint.signing_region)
    }

    /// The host that an API tells for its other operations.
    async fn discovered(
        &self,
        api: &'static Api,
        discovery: Discovery,
        usual: &ResolvedEndpoint,
    ) -> Result<String, Error> {
        let ask = async || {
            let url = format!("https://{}", usual.host);
            let call = self.call_to(&url, api, discovery.name, usual.signing_region.clone())?;
            let body = call.invoke(discovery.request()).await?;
            discovery.host(&body, &usual.host).map_err(Error::incomplete)
        };
        self.discovered.get(&usual.host, |_| true, ask).await
    }

    /// What SDK clients do around their calls.
    fn call_to(
        &self,
        url: &str,
        api: &'static Api,
        name: &'static str,
        signing_region: String,
    ) -> Result<Call<Request, String, ErrorMetadata>, Error> {
        let config = &self.config;
        let http = config.http_client().ok_or_else(|| Error::incomplete("no HTTP client"))?;
        let mut call = Call::builder()
            .service_name(api.service_id)
            .operation_name(name)
            .http_client(http)
            .endpoint_url(url)
            .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
            .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(OnceIfThrottled)
            .interceptor(UserAgentInterceptor::new())
            .with_connection_poisoning()
            .runtime_plugin(self.signed(api, signing_region)?);
        if let Some(version) = config.behavior_version() {
            call = call.behavior_version(version);
        }
        if let Some(sleep) = config.sleep_impl() {
            call = call.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            call = call.time_source(time);
        }
        Ok(call.serializer(to_http).deserializer(body).build())
    }

    fn signed(&self, api: &'static Api, region: String) -> Result<StaticRuntimePlugin, Error> {
        let identity = self.identity.clone().ok_or_else(|| Error::incomplete("no credentials"))?;
        let mut components = RuntimeComponentsBuilder::new("signing");
        components
            .set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])));
        components.push_auth_scheme(SigV4AuthScheme::new());
        components.set_identity_resolver(SCHEME_ID, identity);
        components.set_identity_cache(self.config.identity_cache());
        let name = SigningName::from_static(api.signing_name);
        let region = SigningRegion::from(Region::new(region));
        let mut layer = Layer::new("signing");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(ApiMetadata::new(api.signing_name, env!("CARGO_PKG_VERSION")));
        layer.store_put(name.clone());
        layer.store_put(region.clone());
        // S3 wants the hash of the body, and takes paths as they are.
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
        let is_s3 = matches!(api.signing_name, "s3" | "s3express");
        let mut signing_options = SigningOptions::default();
        signing_options.content_sha256_header = is_s3;
        signing_options.double_uri_encode = !is_s3;
        signing_options.normalize_uri_path = !is_s3;
        layer.store_put(SigV4OperationSigningConfig {
            name: Some(name),
            region: Some(region),
            signing_options,
            ..Default::default()
        });
        Ok(StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components))
    }
}

/// An operation as the pace knows it.
pub(crate) const fn name_of(operation: &Operation) -> OperationName {
    (operation.api.service_id, operation.name)
}

fn to_http(request: Request) -> Result<HttpRequest, BoxError> {
    let mut http = HttpRequest::new(SdkBody::from(request.body));
    http.set_method(request.method)?;
    http.set_uri(request.path)?;
    for (name, value) in request.headers {
        http.headers_mut().try_insert(name, value)?;
    }
    Ok(http)
}

fn body(response: &HttpResponse) -> Result<String, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return String::from_utf8(body.to_vec()).map_err(OrchestratorError::other);
    }
    let header = response.headers().get("x-amzn-errortype");
    Err(OrchestratorError::operation(error_response::read(header, body, response.status().as_u16())))
}

#[cfg(test)]
mod tests;
