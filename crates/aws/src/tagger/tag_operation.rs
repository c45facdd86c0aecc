//! A service's own tag operation, called with the SDK's signing, retries and HTTP client.

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
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
use aws_tags::table::tag_operation::{Request, TagOperation};
use aws_tags::tags::TagMap;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use super::error_response;
use crate::error::Error;

/// Calls services' own tag operations.
#[derive(Debug)]
pub(super) struct TagOperationCaller {
    config: SdkConfig,
    /// Made once: the credentials cache distinguishes resolvers by their identity.
    identity: Option<SharedIdentityResolver>,
}

impl TagOperationCaller {
    pub(super) fn new(config: SdkConfig) -> Self {
        let identity = config.credentials_provider().map(SharedIdentityResolver::new);
        Self { config, identity }
    }

    /// Adds the tags to one resource, in as many calls as the operation needs for their number.
    pub(super) async fn add(
        &self,
        operation: &'static TagOperation,
        region: &str,
        arn: &Arn,
        tags: &TagMap,
    ) -> Result<(), Error> {
        let endpoint = operation.endpoint.resolve(region);
        let url = self.endpoint_url(operation).unwrap_or_else(|| format!("https://{}", endpoint.host));
        let call = self.call(operation, &url, endpoint.signing_region)?;
        let tags: Vec<_> = tags.iter().collect();
        for chunk in tags.chunks(operation.tags_per_call.max(1)) {
            let chunk = chunk.iter().map(|(key, value)| ((*key).clone(), (*value).clone())).collect();
            call.invoke(operation.request(arn, &chunk)).await?;
        }
        Ok(())
    }

    /// The endpoint that the user configured for this service, or for all, in the SDKs' order.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
    fn endpoint_url(&self, operation: &TagOperation) -> Option<String> {
        let for_all = self.config.endpoint_url().map(str::to_owned);
        if self.config.get_origin("endpoint_url").is_client_config() {
            return for_all;
        }
        let key = ServiceConfigKey::builder()
            .service_id(operation.service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        self.config.service_config().and_then(|settings| settings.load_config(key)).or(for_all)
    }

    /// The call without its request: what SDK clients do around theirs.
    fn call(
        &self,
        operation: &'static TagOperation,
        url: &str,
        signing_region: String,
    ) -> Result<Operation<Request, (), ErrorMetadata>, Error> {
        let config = &self.config;
        let http = config.http_client().ok_or_else(|| Error::incomplete("no HTTP client"))?;
        let mut call = Operation::builder()
            .service_name(operation.service_id)
            .operation_name(operation.name)
            .http_client(http)
            .endpoint_url(url)
            .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
            .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .interceptor(UserAgentInterceptor::new())
            .with_connection_poisoning()
            .runtime_plugin(self.signed(operation, signing_region)?);
        if let Some(version) = config.behavior_version() {
            call = call.behavior_version(version);
        }
        if let Some(sleep) = config.sleep_impl() {
            call = call.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            call = call.time_source(time);
        }
        Ok(call.serializer(to_http).deserializer(check_status).build())
    }

    fn signed(&self, operation: &'static TagOperation, region: String) -> Result<StaticRuntimePlugin, Error> {
        let identity = self.identity.clone().ok_or_else(|| Error::incomplete("no credentials"))?;
        let mut components = RuntimeComponentsBuilder::new("signing");
        components
            .set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])));
        components.push_auth_scheme(SigV4AuthScheme::new());
        components.set_identity_resolver(SCHEME_ID, identity);
        components.set_identity_cache(self.config.identity_cache());
        let name = SigningName::from_static(operation.signing_name);
        let region = SigningRegion::from(Region::new(region));
        let mut layer = Layer::new("signing");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(ApiMetadata::new(operation.signing_name, env!("CARGO_PKG_VERSION")));
        layer.store_put(name.clone());
        layer.store_put(region.clone());
        layer.store_put(SigV4OperationSigningConfig {
            name: Some(name),
            region: Some(region),
            ..Default::default()
        });
        Ok(StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components))
    }
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

fn check_status(response: &HttpResponse) -> Result<(), OrchestratorError<ErrorMetadata>> {
    if response.status().is_success() {
        return Ok(());
    }
    let header = response.headers().get("x-amzn-errortype");
    let body = response.body().bytes().unwrap_or_default();
    Err(OrchestratorError::operation(error_response::read(header, body, response.status().as_u16())))
}
