//! Doors: what whoever has the permission may do past the rules, on which of our parts, and what it lets them do.
//!
//! What the functions read is trusted because only EventBridge's rules write it. IAM guards every other way in,
//! within the account: this is the list of them. `aws-tags doctor --doors` asks IAM who may use each, and the
//! security model in `infra/README.md` shows the same rows.

use super::resource_names::{
    CREATION_QUEUE, DEAD_LETTERS, PREFIX, SESSION_QUEUE, SESSION_RECORDER, SESSION_TABLE, TAG_HANDLER,
};

/// One way to feed the functions, or to change what they do, other than by the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// What may be done; any of the actions is enough.
    pub actions: &'static [&'static str],
    /// What it is done to.
    pub on: Part,
    /// What it lets one do.
    pub lets: &'static str,
    /// Whether it takes the use of the key as well, where the queues have one.
    pub with_key: bool,
}

/// The parts of a deployment that have doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    CreationQueue,
    SessionQueue,
    DeadLetters,
    /// Any of the queues.
    Queue,
    Function,
    Mapping,
    Table,
    Rule,
    Key,
    Role,
    /// A managed policy of a role.
    Policy,
    Code,
}

/// What it takes to write to a queue that has a key, besides `sqs:SendMessage`.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html>
pub const USE_OF_KEY: &str = "kms:GenerateDataKey";

impl Door {
    /// Whether it leads to a part.
    pub fn leads_to(&self, part: Part) -> bool {
        let is_queue = matches!(part, Part::CreationQueue | Part::SessionQueue | Part::DeadLetters);
        self.on == part || self.on == Part::Queue && is_queue
    }
}

impl Part {
    /// The part in the words of a reader.
    pub fn name(self) -> String {
        match self {
            Self::CreationQueue => format!("the queue `{CREATION_QUEUE}`"),
            Self::SessionQueue => format!("the queues `{SESSION_QUEUE}`"),
            Self::DeadLetters => format!("the queues `{PREFIX}*{DEAD_LETTERS}`"),
            Self::Queue => "any of the queues".to_owned(),
            Self::Function => format!("`{TAG_HANDLER}`, `{SESSION_RECORDER}`"),
            Self::Mapping => "the functions' event source mappings".to_owned(),
            Self::Table => format!("the table `{}`", SESSION_TABLE.0),
            Self::Rule => format!("rules named `{PREFIX}*`, or on a bus of such a name"),
            Self::Key => "the key".to_owned(),
            Self::Role => "the functions' roles".to_owned(),
            Self::Policy => "the managed policies of the roles".to_owned(),
            Self::Code => format!("the buckets `{PREFIX}code-*`"),
        }
    }
}

const ANY_OWNER: &str = "have any resource of the account tagged with the owner, IAM tags and session tags of any principal of it";
const ANY_SESSION: &str =
    "record sessions that never began, or change recorded ones: resources get tags that look inherited";
const WITHOUT_SESSION: &str = "make recorded sessions unknown: resources stay without session tags";
const ANY_CODE: &str = "run any code, or the same with other settings, with the function's role";

/// Every door. `TransactWriteItems` is authorised as the `PutItem`, `UpdateItem` and `DeleteItem` that it holds.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
pub const DOORS: &[Door] = &[
    Door { with_key: true, ..door(&["sqs:SendMessage"], Part::CreationQueue, ANY_OWNER) },
    Door { with_key: true, ..door(&["sqs:SendMessage"], Part::SessionQueue, ANY_SESSION) },
    Door {
        with_key: true,
        ..door(
            &["sqs:SendMessage"],
            Part::DeadLetters,
            "the same as with the queues, at the next `aws-tags redrive`",
        )
    },
    door(&["lambda:InvokeFunction"], Part::Function, "the same as with their queues, at once"),
    door(
        &[
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:PartiQLInsert",
            "dynamodb:PartiQLUpdate",
        ],
        Part::Table,
        ANY_SESSION,
    ),
    door(&["dynamodb:DeleteItem", "dynamodb:PartiQLDelete"], Part::Table, WITHOUT_SESSION),
    door(
        &["events:PutRule", "events:PutTargets"],
        Part::Rule,
        "send any record to the queues, by a rule of a name that their policies and the key's allow",
    ),
    door(
        &["lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping"],
        Part::Mapping,
        "feed the functions from another queue whose policy lets the function's role read it",
    ),
    door(&["lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"], Part::Function, ANY_CODE),
    door(&["s3:PutObject"], Part::Code, "have the next deployment run any code with the functions' roles"),
    door(
        &["lambda:AddPermission", "lambda:CreateFunctionUrlConfig"],
        Part::Function,
        "let others invoke the function, of other accounts too",
    ),
    door(
        &["sqs:AddPermission", "sqs:SetQueueAttributes"],
        Part::Queue,
        "let others write to the queue and read it, of other accounts too",
    ),
    door(
        &["dynamodb:PutResourcePolicy"],
        Part::Table,
        "let others write to the table, of other accounts too",
    ),
    door(&["kms:PutKeyPolicy", "kms:CreateGrant"], Part::Key, "let others use the key, as the queues need"),
    door(
        &[
            "iam:PutRolePolicy",
            "iam:AttachRolePolicy",
            "iam:UpdateAssumeRolePolicy",
            "iam:DeleteRolePermissionsBoundary",
        ],
        Part::Role,
        "give the role any permission, or have it assumed by anybody",
    ),
    door(
        &["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"],
        Part::Policy,
        "give the role any permission",
    ),
    door(&["iam:PassRole"], Part::Role, "run a function of their own with the role"),
];

/// A door that takes nothing but its actions.
const fn door(actions: &'static [&'static str], on: Part, lets: &'static str) -> Door {
    Door { actions, on, lets, with_key: false }
}
