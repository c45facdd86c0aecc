//! `userIdentity` → [`Principal`]: who made the call, and whose tags the resource inherits.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
//! Any field may be absent; even `type` may be.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::record::{Arn, Event, is_account, text_below, timestamp};

/// Who made the call. Texts are as CloudTrail wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// `AssumedRole`, `IAMUser`, `Root`, `AWSService`, …; empty where the record has none.
    pub kind: String,
    /// `arn:aws:sts::…:assumed-role/role/session`, `arn:aws:iam::…:user/name`, …
    pub arn: Option<String>,
    /// `AROA…:session`, `AIDA…`, or `account:name` of a federated user.
    pub id: Option<String>,
    /// The account of the principal; not always the one that owns the record.
    pub account: Option<String>,
    /// The name of an IAM user.
    pub user_name: Option<String>,
    /// The role or user that issued the session.
    pub(crate) issuer: Option<Issuer>,
    /// The access key that signed the call.
    pub access_key_id: Option<String>,
    /// `sessionContext.attributes.creationDate`: when the session began.
    pub session_created: Option<OffsetDateTime>,
    /// The source identity set when the session began; role chaining does not change it.
    pub source_identity: Option<String>,
    /// The Identity Center user on whose behalf the call was made.
    pub on_behalf_of: Option<String>,
    /// The AWS service that made the call, for itself or with the caller's credentials.
    pub invoked_by: Option<String>,
    /// Whether the console or `aws login` signed the call: with keys that no STS record names.
    pub(crate) signed_in: bool,
    /// Whether EC2 or Lambda gave an instance or function its role's credentials: they pass no session tags.
    pub(crate) is_machine: bool,
}

/// Services that are given a role, and how their sessions' names begin. Data Lifecycle Manager works by schedules, for
/// no caller; EMR makes what its clusters need with its service role, and never with a caller's session.
/// <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-iam-role.html>
const SERVICE_ROLE_SESSIONS: &[(&str, &str)] = &[
    ("backup.amazonaws.com", "AWSBackup-"),
    ("batch.amazonaws.com", "aws-batch"),
    ("cloudformation.amazonaws.com", "AWSCloudFormation"),
    ("dlm.amazonaws.com", ""),
    ("elasticmapreduce.amazonaws.com", ""),
    ("servicecatalog.amazonaws.com", SERVICE_CATALOG_SESSION),
];

const EKS: &str = "eks.amazonaws.com";
/// Service Catalog launches products with a role in a session of this name, which CloudFormation continues.
const SERVICE_CATALOG_SESSION: &str = "servicecatalog";

/// `sessionContext.sessionIssuer`: where a session's permissions come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Issuer {
    /// `Role`, `IAMUser` or `Root`.
    pub(crate) kind: String,
    /// `AROA…` or `AIDA…`.
    pub(crate) id: Option<String>,
    /// ARN with its path.
    pub(crate) arn: Option<String>,
    /// The account of the role or user.
    pub(crate) account: Option<String>,
    /// The name of the role or user.
    pub(crate) name: Option<String>,
}

/// A role or user of our own account whose tags may be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IamIdentity {
    /// Role or user.
    pub kind: IamKind,
    /// Name without path, as `GetRole` and `GetUser` take it.
    pub name: String,
    /// `AROA…` or `AIDA…`. A deleted and re-created role of this name has another id.
    pub id: String,
}

/// Which IAM call gives the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IamKind {
    /// `iam:GetRole`.
    Role,
    /// `iam:GetUser`.
    User,
}

/// What a call's record says about the session that made it: enough to find it in the session table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    /// The account in which the session was started.
    pub account: String,
    /// `AROA…:session`, or `account:name` of a federated user.
    pub id: String,
    /// `creationDate`: when the session began, to the second. Some services' records lack it.
    #[serde(default, with = "timestamp::optional")]
    pub created: Option<OffsetDateTime>,
    /// The key that signed the call; the console and Identity Center use other keys than STS
    /// issued.
    pub access_key_id: Option<String>,
    /// Whether the record shows that STS did not issue that key.
    pub signed_in: bool,
    /// Unique id of the user who named a federated user.
    pub issuer: Option<String>,
}

impl Principal {
    /// Reads `userIdentity`. A record without one gives a principal without fields.
    pub fn of(event: &Event) -> Self {
        // Found once: of every record that matters, all of this is read.
        let part = |path: &str| event.values(path).first().copied();
        let (identity, context) = (part("userIdentity"), part("userIdentity.sessionContext"));
        let issuer = part("userIdentity.sessionContext.sessionIssuer");
        let of = |part: Option<&Value>, path: &str| Some(text_below(part?, path)?.into_owned());
        Self {
            kind: of(identity, "type").unwrap_or_default(),
            arn: of(identity, "arn"),
            id: of(identity, "principalId"),
            account: of(identity, "accountId"),
            user_name: of(identity, "userName"),
            issuer: issuer.map(|_| Issuer {
                kind: of(issuer, "type").unwrap_or_default(),
                id: of(issuer, "principalId"),
                arn: of(issuer, "arn"),
                account: of(issuer, "accountId"),
                name: of(issuer, "userName"),
            }),
            access_key_id: of(identity, "accessKeyId"),
            session_created: of(context, "attributes.creationDate")
                .and_then(|at| timestamp::parse(&at)?.replace_nanosecond(0).ok()),
            source_identity: of(context, "sourceIdentity"),
            on_behalf_of: of(identity, "onBehalfOf.userId"),
            invoked_by: of(identity, "invokedBy"),
            signed_in: event.text("sessionCredentialFromConsole").is_some_and(|said| said == "true")
                || of(context, "signInSessionArn").is_some(),
            is_machine: of(context, "ec2RoleDelivery").is_some()
                || of(identity, "inScopeOf.issuerType").is_some(),
        }
    }

    /// A user or an assumed role's session, of which only the ARN is known.
    pub(crate) fn of_arn(arn: &Arn) -> Self {
        let is_user = arn.resource().starts_with("user/");
        Self {
            kind: if is_user { "IAMUser" } else { "AssumedRole" }.to_owned(),
            arn: Some(arn.to_string()),
            account: Some(arn.account().to_owned()),
            user_name: is_user.then(|| arn.id().to_owned()),
            ..Self::default()
        }
    }

    /// Whether the record says nothing at all about the caller.
    pub(crate) fn is_unknown(&self) -> bool {
        self.arn.is_none() && self.id.is_none() && self.account.is_none() && self.service().is_none()
    }

    /// The AWS service that acted on its own: `AWSService`, a service-linked role, or nobody else.
    ///
    /// `invokedBy` alone does not count: CloudFormation and others call with the caller's own
    /// credentials, and then the caller made the resource. Only AWS can create roles under the
    /// path `/aws-service-role/`, so a role's name alone proves nothing.
    pub fn service(&self) -> Option<&str> {
        if self.kind == "AWSService" {
            return self.invoked_by.as_deref().or(Some("AWS"));
        }
        // Events that services write themselves have no type and nobody but the service.
        if self.kind.is_empty() && self.arn.is_none() && self.id.is_none() && self.invoked_by.is_some() {
            return self.invoked_by.as_deref();
        }
        let (_, path) = self.issuer.as_ref()?.arn.as_deref()?.split_once(":role/aws-service-role/")?;
        path.split('/').next()
    }

    /// The AWS service that acted: on its own, or with a role that it was given. Not one that calls with the caller's own
    /// session: what such a call creates is the caller's.
    ///
    /// `invokedBy` is AWS's word, but says both; the names of a service's own sessions tell them apart.
    pub(crate) fn acting_service(&self, user_agent: &str) -> Option<&str> {
        let of_role = |row: &&(&str, &str)| {
            self.invoked_by.as_deref() == Some(row.0)
                && self.session_name().is_some_and(|name| name.starts_with(row.1))
        };
        // Lambda creates a function's log group as the function.
        let lambda = || user_agent.starts_with("awslambda-worker").then_some("lambda.amazonaws.com");
        let of_role = || SERVICE_ROLE_SESSIONS.iter().find(of_role).map(|(service, _)| *service);
        // The sessions of an EKS cluster's role have numbers for names.
        let eks = || {
            let is_number = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
            let is_clusters =
                self.invoked_by.as_deref() == Some(EKS) && self.session_name().is_some_and(is_number);
            is_clusters.then_some(EKS)
        };
        let catalog = || {
            let continued = self.invoked_by.as_deref() == Some("cloudformation.amazonaws.com");
            let is_its = continued && self.session_name() == Some(SERVICE_CATALOG_SESSION);
            is_its.then_some("servicecatalog.amazonaws.com")
        };
        self.service().or_else(of_role).or_else(eks).or_else(catalog).or_else(lambda)
    }

    /// The name that the session was started with. Callers may choose it freely.
    pub(crate) fn session_name(&self) -> Option<&str> {
        let from_id = self.id.as_deref().and_then(|id| id.split_once(':'));
        let from_arn = || {
            let resource = self.arn.as_deref()?.split_once(":assumed-role/")?.1;
            resource.split_once('/')
        };
        from_id.or_else(from_arn).map(|(_, name)| name)
    }

    /// The name of the role of an assumed-role session.
    pub fn role_name(&self) -> Option<&str> {
        let issued = self.issuer.as_ref().filter(|issuer| issuer.kind == "Role");
        issued.and_then(|issuer| issuer.name.as_deref()).or_else(|| {
            let resource = self.arn.as_deref()?.split_once(":assumed-role/")?.1;
            resource.split('/').next()
        })
    }

    /// The account that issued the credentials.
    pub(crate) fn home_account(&self) -> Option<&str> {
        let issuer = self.issuer.as_ref().and_then(|i| i.account.as_deref());
        issuer.or(self.account.as_deref()).filter(|a| is_account(a))
    }

    /// Whether the principal belongs to another account than the one that owns the record.
    /// An unknown account counts as foreign: the tags of a role of ours that has the same name must
    /// never be used.
    pub(crate) fn is_foreign_to(&self, account: &str) -> bool {
        self.kind == "AWSAccount" || self.home_account() != Some(account)
    }

    /// The role or user whose IAM tags the resource inherits; `None` for root, AWS services,
    /// principals of other accounts and principals whose id is not known.
    pub(crate) fn iam_identity(&self, account: &str) -> Option<IamIdentity> {
        if self.service().is_some() || self.is_foreign_to(account) {
            return None;
        }
        let own_id = || Some(self.id.as_deref()?.split(':').next()?.to_owned());
        match (&self.issuer, self.kind.as_str()) {
            (Some(issuer), _) if issuer.kind == "Role" => Some(IamIdentity {
                kind: IamKind::Role,
                name: issuer.name.clone().or_else(|| {
                    let arn = Arn::parse(issuer.arn.as_deref()?)?;
                    Some(arn.id().to_owned())
                })?,
                id: own_id().or_else(|| issuer.id.clone())?,
            }),
            // A federated user's base tags are the issuing user's.
            (Some(issuer), _) if issuer.kind == "IAMUser" => {
                Some(IamIdentity { kind: IamKind::User, name: issuer.name.clone()?, id: issuer.id.clone()? })
            }
            // Without a session's context, the ARN names the role, and the id begins with the role's.
            (None, "AssumedRole") => {
                let id = own_id().filter(|id| id.starts_with("AROA"))?;
                Some(IamIdentity { kind: IamKind::Role, name: self.role_name()?.to_owned(), id })
            }
            (_, "IAMUser") => {
                Some(IamIdentity { kind: IamKind::User, name: self.user_name.clone()?, id: own_id()? })
            }
            _ => None,
        }
    }

    /// The session to look for in the session table; `None` for callers without one.
    pub(crate) fn session_key(&self, account: &str) -> Option<SessionKey> {
        if self.service().is_some() || self.is_foreign_to(account) || self.is_machine {
            return None;
        }
        let is_federated = self.kind == "FederatedUser";
        let of_role = match &self.issuer {
            Some(issuer) => issuer.kind == "Role",
            None => self.kind == "AssumedRole",
        };
        // `GetSessionToken` gives an IAM user a session without tags.
        if !of_role && !is_federated {
            return None;
        }
        let issuer = self.issuer.as_ref().and_then(|issuer| issuer.id.clone());
        Some(SessionKey {
            account: account.to_owned(),
            id: self.id.clone().filter(|id| id.contains(':'))?,
            created: self.session_created,
            access_key_id: self.access_key_id.clone(),
            signed_in: self.signed_in || self.access_key_id.is_none(),
            issuer: issuer.filter(|_| is_federated),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const HOME: &str = "111122223333";

    fn principal(identity: Value) -> Principal {
        let record = json!({"eventSource": "s", "eventName": "n", "userIdentity": identity});
        Principal::of(&Event::from_json(record).expect("a record"))
    }

    fn role_session() -> Value {
        json!({"type": "AssumedRole", "principalId": "AROAX:ann", "accountId": HOME,
               "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann",
               "accessKeyId": "ASIAX",
               "sessionContext": {
                   "sessionIssuer": {"type": "Role", "principalId": "AROAX", "accountId": HOME,
                       "arn": "arn:aws:iam::111122223333:role/team/dev", "userName": "dev"},
                   "attributes": {"creationDate": "2026-01-02T03:04:05Z"}}})
    }

    #[test]
    fn a_role_session_has_a_role_a_session_name_and_a_session_key() {
        let principal = principal(role_session());
        assert_eq!(principal.role_name(), Some("dev"));
        assert_eq!(principal.session_name(), Some("ann"));
        let identity = principal.iam_identity(HOME).expect("an identity");
        assert_eq!((identity.name.as_str(), identity.id.as_str()), ("dev", "AROAX"));
        assert_eq!(principal.session_key(HOME).expect("a session key").id, "AROAX:ann");
    }

    #[test]
    fn a_role_of_another_account_gives_no_tags() {
        let principal = principal(role_session());
        assert!(principal.is_foreign_to("999999999999"));
        assert_eq!(principal.iam_identity("999999999999"), None);
        assert_eq!(principal.session_key("999999999999"), None);
    }

    #[test]
    fn a_cross_account_caller_is_foreign_even_if_it_claims_our_account() {
        let principal = principal(json!({"type": "AWSAccount", "principalId": "AIDAX",
                                         "accountId": HOME}));
        assert!(principal.is_foreign_to(HOME));
        assert_eq!(principal.iam_identity(HOME), None);
    }

    #[test]
    fn a_federated_user_inherits_from_the_issuing_user() {
        let principal = principal(json!({"type": "FederatedUser", "principalId": "111122223333:bob",
            "accountId": HOME, "sessionContext": {
                "sessionIssuer": {"type": "IAMUser", "principalId": "AIDAX", "accountId": HOME,
                                  "userName": "broker"},
                "attributes": {"creationDate": "2026-01-02T03:04:05Z"}}}));
        let identity = principal.iam_identity(HOME).expect("an identity");
        assert_eq!((identity.kind, identity.name.as_str()), (IamKind::User, "broker"));
        assert_eq!(principal.session_key(HOME).expect("a session key").id, "111122223333:bob");
    }

    #[test]
    fn a_service_is_known_by_its_type_or_by_the_path_of_its_role() {
        let service = principal(json!({"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}));
        assert_eq!(service.service(), Some("ecs.amazonaws.com"));
        let mut linked = role_session();
        linked["sessionContext"]["sessionIssuer"]["arn"] = json!(
            "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        );
        assert_eq!(principal(linked).service(), Some("autoscaling.amazonaws.com"));
    }

    #[test]
    fn a_service_that_calls_with_the_callers_credentials_is_not_the_creator() {
        let mut forwarded = role_session();
        forwarded["invokedBy"] = json!("cloudformation.amazonaws.com");
        let principal = principal(forwarded);
        assert_eq!(principal.service(), None);
        assert!(principal.iam_identity(HOME).is_some());
    }

    #[test]
    fn an_iam_user_with_a_session_token_has_no_tagged_session() {
        let principal = principal(json!({"type": "IAMUser", "principalId": "AIDAX",
            "accountId": HOME, "userName": "ann", "sessionContext": {
                "sessionIssuer": {}, "attributes": {"creationDate": "2026-01-02T03:04:05Z"}}}));
        assert_eq!(principal.session_key(HOME), None);
        assert_eq!(principal.iam_identity(HOME).expect("an identity").id, "AIDAX");
    }

    #[test]
    fn a_record_without_identity_is_unknown() {
        assert!(principal(json!(null)).is_unknown());
    }
}
