//! A row of the table: a creating call, one resource type that it creates, where its record names the
//! resource, and how the resource is tagged.

use super::operation::{LookupOperation, Operation, ReadOperation, TagOperation, TimeOperation};
use crate::record::Event;
use crate::tags::TAGS_PER_RESOURCE;

/// One event source.
#[derive(Debug)]
pub struct Service {
    /// The event source without `.amazonaws.com`; also the name of the folder in `events/`.
    pub name: &'static str,
    /// The service's name as AWS writes it.
    pub title: &'static str,
    /// How its resources are tagged, unless a row has its own route.
    pub route: Route,
    /// The IAM actions that tagging needs, in addition to `tag:TagResources` where that is the route.
    pub actions: &'static [&'static str],
    /// How the tags of its resources are read, unless a row has its own way.
    pub read: Read,
    /// Sorted by event name. Several rows of one call and type are alternatives: the first that finds
    /// something counts.
    pub rows: &'static [Row],
}

/// One creating call and one resource type that it creates.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `eventName`, without the API date that Lambda and CloudFront append.
    pub event_name: &'static str,
    /// Resource type of the Service Authorization Reference, e.g. `ec2:volume`; empty where the call
    /// creates nothing to tag.
    pub resource_type: &'static str,
    /// Where the resources are.
    pub locator: Locator,
    /// How they are tagged; `None` means by the service's route.
    pub route: Option<Route>,
    /// The IAM actions that tagging needs; `None` means the service's.
    pub actions: Option<&'static [&'static str]>,
    /// How their tags are read; `None` means the service's way.
    pub read: Option<Read>,
    /// Why the type is tagged only where the setting `ALSO_TAG` names it.
    pub opt_in: Option<&'static str>,
    /// The same, of resources that AWS services create on their own.
    pub opt_in_if_service_created: Option<&'static str>,
    /// User tags that the resource takes.
    pub max_tags: usize,
    /// Whether a record without this resource is fine, as only some calls create it.
    pub optional: bool,
    /// Path to ids that the request itself names: those resources existed before the call.
    pub excluding: Option<&'static str>,
    /// Whether the service stores names in lower case, whatever the request said.
    pub lower_case: bool,
    /// The service in its ARNs, where that is not the first part of `resource_type`.
    pub arn_service: Option<&'static str>,
    /// Whether its ARNs name no account, like those of images.
    pub without_account: bool,
    /// Whether its ARNs name no Region.
    pub without_region: bool,
    /// Whether its ARN ends in an id that AWS makes up and never gives twice. Otherwise another resource
    /// may have the same ARN later.
    pub unique: bool,
    /// Whether the call also answers for what is there already, as if it had created it.
    pub idempotent: bool,
    /// Which API tells when it was created.
    pub creation_time: CreationTime,
    /// Path to its creation time in the response, for calls that answer with an older resource's.
    pub created_at: Option<&'static str>,
    /// Prefix of the resource part of its ARNs, e.g. `topic/`, if the record has whole ARNs.
    pub resource_prefix: &'static str,
    /// Whether it is no call, but an event that a service makes: `eventType` is `AwsServiceEvent`.
    pub service_event: bool,
    /// Whether AWS has shown which API tags the type: a probe asked it.
    pub probed: bool,
}

/// What a row rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// A published record confirms it.
    Recorded,
    /// A record that AWS's guide prints confirms it.
    Documented,
    /// The models say so, and AWS has shown which API tags the type: a probe asked it.
    Probed,
    /// The model of the API and the ARN format of the Service Authorization Reference say so.
    Modelled,
}

impl Evidence {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Documented => "documented",
            Self::Probed => "probed",
            Self::Modelled => "modelled",
        }
    }
}

/// A place in a record that gives ARNs. Paths begin with `requestParameters` or `responseElements`,
/// those of events that services make with `serviceEventDetails`, and `[]` goes into each element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path to whole ARNs.
    Path(&'static str),
    /// An ARN format of the Service Authorization Reference, whose variables are `Partition`,
    /// `Region`, `Account` and paths.
    ArnFormat(&'static str),
    /// The resource part of such a format, e.g. `table/${requestParameters.tableName}`. The parts
    /// before it are regular: partition, service, Region and account.
    Resource(&'static str),
    /// A path to ids: the resource part is the type and the id, as in `volume/vol-0abc`.
    Id(&'static str),
    /// The same for an object in the response that, like its id, is named after the type:
    /// `vpc-endpoint` is found at `responseElements.vpcEndpoint.vpcEndpointId`.
    Object(&'static str),
}

/// How the resources of a row are found.
#[derive(Clone, Copy, Debug)]
pub enum Locator {
    /// At one place in the record.
    Place(Place),
    /// At the first of these places that has any.
    Places(&'static [Place]),
    /// At the place that the function names, which reads the record; an ending where the call
    /// created nothing.
    Custom(fn(&Event) -> Result<Place, Ending>),
    /// Not in the record: AWS is asked, and answers with ARNs, or with ids as in [`Place::Id`].
    Lookup {
        /// What to ask for.
        kind: LookupKind,
        /// Path to the ids or names of what to ask about.
        by: &'static str,
    },
    /// Nowhere: the call is known, and there is nothing to tag.
    None(Ending),
}

/// The question to AWS about resources that a record does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookupKind {
    /// EBS volumes that were created with instances.
    VolumesOfInstances,
    /// EBS snapshots that were created with an image.
    SnapshotsOfImage,
    /// The default security group of a VPC.
    SecurityGroupOfVpc,
    /// The default network ACL of a VPC.
    NetworkAclOfVpc,
    /// The main route table of a VPC.
    RouteTableOfVpc,
    /// The subnets that a default VPC starts with.
    SubnetsOfVpc,
    /// The internet gateway that a default VPC starts with.
    InternetGatewayOfVpc,
    /// The network interfaces that a NAT gateway comes with.
    InterfacesOfNatGateway,
    /// The snapshot that an import ends in.
    SnapshotOfImport,
    /// The image that an import ends in.
    ImageOfImport,
    /// The snapshots of that image.
    SnapshotsOfImageImport,
    /// An elastic IP address by its number.
    AddressByIp,
    /// A secret, whose ARN ends in a random suffix, by its name.
    SecretByName,
    /// Whatever the service's own operation tells.
    Operation(&'static LookupOperation),
}

impl LookupKind {
    /// The IAM actions that it needs. EC2's `Describe…` actions have no resource-level permissions.
    pub fn actions(self) -> Vec<&'static str> {
        match self {
            Self::VolumesOfInstances => vec!["ec2:DescribeInstances", "ec2:DescribeVolumes"],
            Self::SnapshotsOfImage => vec!["ec2:DescribeImages", "ec2:DescribeSnapshots"],
            Self::SecurityGroupOfVpc => vec!["ec2:DescribeSecurityGroups"],
            Self::NetworkAclOfVpc => vec!["ec2:DescribeNetworkAcls"],
            Self::RouteTableOfVpc => vec!["ec2:DescribeRouteTables"],
            Self::SubnetsOfVpc => vec!["ec2:DescribeSubnets"],
            Self::InternetGatewayOfVpc => vec!["ec2:DescribeInternetGateways"],
            Self::InterfacesOfNatGateway => vec!["ec2:DescribeNatGateways"],
            Self::SnapshotOfImport => vec!["ec2:DescribeImportSnapshotTasks"],
            Self::ImageOfImport | Self::SnapshotsOfImageImport => vec!["ec2:DescribeImportImageTasks"],
            Self::AddressByIp => vec!["ec2:DescribeAddresses"],
            Self::SecretByName => vec!["secretsmanager:DescribeSecret"],
            Self::Operation(first) => {
                let all = std::iter::successors(Some(first), |one| one.then);
                all.flat_map(|one| one.operation.actions).copied().collect()
            }
        }
    }
}

/// How a known call ends without anything to tag, and why.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The call creates no resource (yet).
    NothingCreated(&'static str),
    /// The resources that it creates take no tags.
    NotTaggable(&'static str),
    /// It changed something that existed before.
    Update(&'static str),
    /// The record does not show whether this was a creation or a change, or of which resource.
    Unresolvable(&'static str),
}

impl Ending {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingCreated(_) => "nothing-created",
            Self::NotTaggable(_) => "not-taggable",
            Self::Update(_) => "update",
            Self::Unresolvable(_) => "unresolvable",
        }
    }

    pub const fn reason(self) -> &'static str {
        match self {
            Self::NothingCreated(why)
            | Self::NotTaggable(why)
            | Self::Update(why)
            | Self::Unresolvable(why) => why,
        }
    }
}

/// Which API tags a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// EC2 `CreateTags`.
    Ec2CreateTags,
    /// Resource Groups Tagging API `TagResources`; where that refuses the resource, the service's own
    /// operation, if it has one that only adds tags.
    TaggingApi(Option<&'static TagOperation>),
    /// S3 `PutObjectTagging`, which replaces all tags: the present ones are read and merged first.
    S3Object,
    /// The service's own operation, which adds tags to one resource.
    TagOperation(&'static TagOperation),
}

impl Route {
    /// The API call, as documentation and IAM name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ec2CreateTags => "ec2:CreateTags",
            Self::TaggingApi(_) => "tag:TagResources",
            Self::S3Object => "s3:PutObjectTagging",
            Self::TagOperation(tag) => tag.operation.name,
        }
    }

    /// Whether the service takes these characters in tags, as far as its model says.
    pub(crate) fn takes(self, text: &str) -> bool {
        match self {
            Self::TaggingApi(Some(own)) | Self::TagOperation(own) => own.alphabet.has(text),
            Self::Ec2CreateTags | Self::TaggingApi(None) | Self::S3Object => true,
        }
    }

    /// The IAM actions of the route itself.
    fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Ec2CreateTags | Self::S3Object => &[],
            Self::TaggingApi(_) => &["tag:TagResources"],
            Self::TagOperation(tag) => tag.operation.actions,
        }
    }
}

/// Which API reads the tags of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Read {
    /// EC2 `DescribeTags`, for many resources at once.
    Ec2DescribeTags,
    /// S3 `GetBucketTagging`.
    S3Bucket,
    /// S3 `GetObjectTagging`.
    S3Object,
    /// The service's own operation, for one resource.
    Operation(&'static ReadOperation),
    /// The lookup that finds the resource tells them: no operation lists them by its ARN.
    Told(&'static LookupOperation),
    /// None is known.
    Never,
}

impl Read {
    /// The API call, as documentation and IAM name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ec2DescribeTags => "ec2:DescribeTags",
            Self::S3Bucket => "s3:GetBucketTagging",
            Self::S3Object => "s3:GetObjectTagging",
            Self::Operation(ReadOperation { operation: Operation { name, .. }, .. }) => name,
            Self::Told(LookupOperation { operation: Operation { name, .. }, .. }) => name,
            Self::Never => "none",
        }
    }

    /// The IAM actions that it needs.
    pub(crate) fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Ec2DescribeTags => &["ec2:DescribeTags"],
            Self::S3Bucket => &["s3:GetBucketTagging"],
            Self::S3Object => &["s3:GetObjectTagging"],
            Self::Operation(read) => read.operation.actions,
            Self::Told(lookup) => lookup.operation.actions,
            Self::Never => &[],
        }
    }
}

/// Which API tells when a resource was created: asked only where its name alone may be another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationTime {
    /// S3 `ListBuckets`.
    S3Bucket,
    /// The service's own operation.
    Operation(&'static TimeOperation),
    /// None.
    Never,
}

impl CreationTime {
    /// The IAM actions that it needs.
    fn actions(self) -> &'static [&'static str] {
        match self {
            Self::S3Bucket => &["s3:ListAllMyBuckets"],
            Self::Operation(time) => time.operation.actions,
            Self::Never => &[],
        }
    }
}

/// A row with alternatives: the first place that has any resources counts. Ids are unique.
pub(super) const fn row(
    event_name: &'static str,
    resource_type: &'static str,
    places: &'static [Place],
) -> Row {
    Row { unique: all_ids(places), ..Row::new(event_name, resource_type, Locator::Places(places)) }
}

const fn all_ids(places: &[Place]) -> bool {
    let mut nth = 0;
    while nth < places.len() {
        if !matches!(places[nth], Place::Id(_) | Place::Object(_)) {
            return false;
        }
        nth += 1;
    }
    true
}

/// The record has the whole ARN, at this path.
pub(super) const fn arn(event_name: &'static str, resource_type: &'static str, path: &'static str) -> Row {
    Row::new(event_name, resource_type, Locator::Place(Place::Path(path)))
}

/// The record has the parts of an ARN that is regular up to the account: see [`Place::Resource`].
pub(super) const fn resource(
    event_name: &'static str,
    resource_type: &'static str,
    format: &'static str,
) -> Row {
    Row::new(event_name, resource_type, Locator::Place(Place::Resource(format)))
}

/// The record has the parts of an ARN of this format.
pub(super) const fn arn_format(
    event_name: &'static str,
    resource_type: &'static str,
    format: &'static str,
) -> Row {
    Row::new(event_name, resource_type, Locator::Place(Place::ArnFormat(format)))
}

/// The record has the id, at this path: see [`Place::Id`]. Ids are unique.
pub(super) const fn id(event_name: &'static str, resource_type: &'static str, path: &'static str) -> Row {
    Row::new(event_name, resource_type, Locator::Place(Place::Id(path))).unique()
}

/// The response has an object named after the type, with the id in it: see [`Place::Object`]. Ids are
/// unique.
pub(super) const fn object(event_name: &'static str, resource_type: &'static str) -> Row {
    let (_, name) = split(resource_type);
    Row::new(event_name, resource_type, Locator::Place(Place::Object(name))).unique()
}

/// A function says where the record names it, or that the call created none.
pub(super) const fn custom(
    event_name: &'static str,
    resource_type: &'static str,
    place: fn(&Event) -> Result<Place, Ending>,
) -> Row {
    Row::new(event_name, resource_type, Locator::Custom(place))
}

/// The record does not name it: AWS is asked, and answers with unique ids. Not every call creates one.
pub(super) const fn lookup(
    event_name: &'static str,
    resource_type: &'static str,
    kind: LookupKind,
    by: &'static str,
) -> Row {
    Row::new(event_name, resource_type, Locator::Lookup { kind, by }).optional().unique()
}

/// The record does not name it, and the service's own operation tells its ARN or id.
pub(super) const fn told(
    event_name: &'static str,
    resource_type: &'static str,
    operation: &'static LookupOperation,
    by: &'static str,
) -> Row {
    Row::new(event_name, resource_type, Locator::Lookup { kind: LookupKind::Operation(operation), by })
}

/// A known call without anything to tag.
pub(super) const fn nothing(event_name: &'static str, ending: Ending) -> Row {
    Row::new(event_name, "", Locator::None(ending))
}

impl Row {
    const fn new(event_name: &'static str, resource_type: &'static str, locator: Locator) -> Self {
        Self {
            event_name,
            resource_type,
            locator,
            route: None,
            actions: None,
            read: None,
            opt_in: None,
            opt_in_if_service_created: None,
            max_tags: TAGS_PER_RESOURCE,
            optional: false,
            excluding: None,
            lower_case: false,
            arn_service: None,
            without_account: false,
            without_region: false,
            unique: false,
            idempotent: false,
            creation_time: CreationTime::Never,
            created_at: None,
            resource_prefix: "",
            service_event: false,
            probed: false,
        }
    }

    pub(super) const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    pub(super) const fn excluding(self, path: &'static str) -> Self {
        Self { excluding: Some(path), ..self }
    }

    pub(super) const fn via(self, route: Route) -> Self {
        Self { route: Some(route), ..self }
    }

    pub(super) const fn actions(self, actions: &'static [&'static str]) -> Self {
        Self { actions: Some(actions), ..self }
    }

    pub(super) const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    pub(super) const fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    pub(super) const fn creation_time(self, operation: &'static TimeOperation) -> Self {
        Self { creation_time: CreationTime::Operation(operation), ..self }
    }

    pub(super) const fn bucket_creation_time(self) -> Self {
        Self { creation_time: CreationTime::S3Bucket, ..self }
    }

    pub(super) const fn created_at(self, path: &'static str) -> Self {
        Self { created_at: Some(path), ..self }
    }

    pub(super) const fn read(self, read: Read) -> Self {
        Self { read: Some(read), ..self }
    }

    pub(super) const fn opt_in(self, why: &'static str) -> Self {
        Self { opt_in: Some(why), ..self }
    }

    pub(super) const fn opt_in_if_service_created(self, why: &'static str) -> Self {
        Self { opt_in_if_service_created: Some(why), ..self }
    }

    pub(super) const fn max_tags(self, max_tags: usize) -> Self {
        Self { max_tags, ..self }
    }

    pub(super) const fn lower_case(self) -> Self {
        Self { lower_case: true, ..self }
    }

    pub(super) const fn arn_service(self, service: &'static str) -> Self {
        Self { arn_service: Some(service), ..self }
    }

    pub(super) const fn resource_prefix(self, resource_prefix: &'static str) -> Self {
        Self { resource_prefix, ..self }
    }

    pub(super) const fn service_event(self) -> Self {
        Self { service_event: true, ..self }
    }

    /// Rows have it once `crates/catalog/probed.jsonl` has answers of AWS.
    #[allow(dead_code, reason = "no row has it until somebody has asked AWS")]
    pub(super) const fn probed(self) -> Self {
        Self { probed: true, ..self }
    }

    pub(super) const fn without_account(self) -> Self {
        Self { without_account: true, ..self }
    }

    pub(super) const fn without_region(self) -> Self {
        Self { without_region: true, ..self }
    }

    /// Whether the call creates something that takes tags.
    pub const fn creates(&self) -> bool {
        !matches!(self.locator, Locator::None(_))
    }

    /// The service in its ARNs.
    pub(crate) fn service_in_arns(&self) -> &'static str {
        self.arn_service.unwrap_or(split(self.resource_type).0)
    }

    /// The type without its service: `volume` of `ec2:volume`.
    pub(crate) fn type_name(&self) -> &'static str {
        split(self.resource_type).1
    }

    /// How the row's resources are tagged.
    pub fn route(&self, service: &Service) -> Route {
        self.route.unwrap_or(service.route)
    }

    /// How the tags of the row's resources are read.
    pub fn read_by(&self, service: &Service) -> Read {
        self.read.unwrap_or(service.read)
    }

    /// The IAM actions that finding, reading and tagging the row's resources need.
    pub fn needed_actions(&self, service: &Service) -> Vec<&'static str> {
        [self.tagging_actions(service), self.reading_actions(service)].concat()
    }

    /// Those that finding them, and reading their tags and age need.
    pub(crate) fn reading_actions(&self, service: &Service) -> Vec<&'static str> {
        let reading = self.read_by(service).actions();
        let looking_up = match self.locator {
            Locator::Lookup { kind, .. } => kind.actions(),
            _ => Vec::new(),
        };
        [reading, self.creation_time.actions(), &looking_up].concat()
    }

    /// The IAM actions that taking their tags away needs.
    pub fn untagging_actions(&self, service: &Service) -> Vec<&'static str> {
        let of_own = |own: &TagOperation| own.untag.map_or(&[] as &[_], |untag| untag.operation.actions);
        match self.route(service) {
            Route::Ec2CreateTags => vec!["ec2:DeleteTags"],
            Route::S3Object => vec!["s3:PutObjectTagging"],
            // What has no counterpart of its own is left to the tagging API.
            Route::TagOperation(own) if own.untag.is_some() => {
                [of_own(own), &["tag:UntagResources"]].concat()
            }
            Route::TagOperation(_) => vec!["tag:UntagResources"],
            Route::TaggingApi(Some(own)) => [of_own(own), &["tag:UntagResources"]].concat(),
            Route::TaggingApi(None) => {
                let tagging = self.actions.unwrap_or(service.actions).iter();
                let untagging = tagging.filter_map(|action| {
                    UNTAGGING.iter().find(|(tagging, _)| tagging == action).map(|(_, untagging)| *untagging)
                });
                untagging.chain(["tag:UntagResources"]).collect()
            }
        }
    }

    /// Those that tagging them needs.
    pub(crate) fn tagging_actions(&self, service: &Service) -> Vec<&'static str> {
        let route = self.route(service);
        let otherwise: &[&str] = match route {
            // The service's actions are those of its own route.
            Route::TagOperation(_) => &[],
            _ => service.actions,
        };
        let own = match route {
            Route::TaggingApi(Some(own)) => own.operation.actions,
            _ => &[],
        };
        let of_row = self.actions.unwrap_or(otherwise);
        [route.actions(), of_row, own].concat()
    }
}

/// What takes tags away where the tagging API does it by an action that no operation of the table names: by the action that
/// adds them. A few change what they tag, too, and need the same for both.
const UNTAGGING: &[(&str, &str)] = &[
    ("bedrock-agentcore:TagResource", "bedrock-agentcore:UntagResource"),
    ("cloudformation:TagResource", "cloudformation:UntagResource"),
    ("cloudfront:TagResource", "cloudfront:UntagResource"),
    ("cloudwatch:TagResource", "cloudwatch:UntagResource"),
    ("codebuild:UpdateFleet", "codebuild:UpdateFleet"),
    ("codebuild:UpdateProject", "codebuild:UpdateProject"),
    ("codebuild:UpdateReportGroup", "codebuild:UpdateReportGroup"),
    ("ec2:CreateTags", "ec2:DeleteTags"),
    ("lambda:TagResource", "lambda:UntagResource"),
    ("lightsail:TagResource", "lightsail:UntagResource"),
    ("mobiletargeting:TagResource", "mobiletargeting:UntagResource"),
    ("route53:ChangeTagsForResource", "route53:ChangeTagsForResource"),
    ("s3:PutBucketTagging", "s3:PutBucketTagging"),
    ("s3:PutStorageLensConfigurationTagging", "s3:DeleteStorageLensConfigurationTagging"),
    ("s3:TagResource", "s3:UntagResource"),
];

/// `ec2:volume` → `ec2`, `volume`.
pub(super) const fn split(resource_type: &'static str) -> (&'static str, &'static str) {
    let bytes = resource_type.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b':' {
            return (resource_type.split_at(at).0, resource_type.split_at(at + 1).1);
        }
        at += 1;
    }
    (resource_type, "")
}
