//! `aws-tags`: what the Lambdas would do, told and tried offline.

mod deployment;
#[cfg(feature = "aws")]
mod doctor;
mod explain;
mod input;
#[cfg(feature = "aws")]
mod redrive;
mod replay;
mod services;
mod stand_in;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use aws_tags::services::Tier;
use clap::{Args, Parser, Subcommand};

/// New AWS resources inherit the tags of whoever created them.
#[derive(Parser)]
#[command(name = "aws-tags", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all is done, 1 some resources could not be tagged, there are findings, or \
some events could not be sent, 2 bad input, settings or credentials.";

#[derive(Subcommand)]
enum Command {
    /// Says what records mean: which resources they created, which session they started. Offline.
    #[command(after_help = "Examples:
  aws-tags explain events/ec2/RunInstances.json
  aws-tags explain --json trail/*.json.gz | jq -r '.resources[]'
  aws s3 cp s3://trail/AWSLogs/…/x.json.gz - | aws-tags explain -")]
    Explain(Explain),
    /// Runs events through the code of the Lambdas, in order of time, and says which resource
    /// would get which tag from where.
    #[command(after_help = "Examples:
  aws-tags replay events
  aws-tags replay --iam-tags iam-tags.json trail/
  OWNER=session-name aws-tags replay --json trail/ | jq 'select(.resources != [])'
  aws-tags replay --apply trail/2026/05/04

The settings of the tag handler count here too: see `aws-tags settings`.")]
    Replay(Replay),
    /// Lists what is supported: services, calls, kinds of resources, how they are tagged.
    #[command(after_help = "Examples:
  aws-tags services
  aws-tags services ec2 rds
  aws-tags services --tier common --kind role
  aws-tags services --json | jq -r '.call'")]
    Services(Services),
    /// Prints the EventBridge rules that deliver what the functions handle.
    #[command(after_help = "Examples:
  aws-tags rules
  aws-tags rules --services common --json | jq -c .pattern")]
    Rules(Deployment),
    /// Prints the IAM policies that the tag handler needs for tagging.
    #[command(after_help = "Examples:
  aws-tags policy
  aws-tags policy --services all --json | jq .document")]
    Policy(Deployment),
    /// Lists the settings, which are environment variables, and checks those that are set.
    Settings(SettingsList),
    /// Checks an installation, and says what to do about each finding: trails, rules, functions and
    /// their settings, table, queues, permissions, other taggers.
    #[command(after_help = "Examples:
  aws-tags doctor --profile prod --region eu-west-1
  aws-tags doctor --regions eu-central-1,us-east-1
  aws-tags doctor --json | jq -r 'select(.severity == \"error\") | .todo'

A check that cannot be made, e.g. for want of a permission, is a finding and does not stop the others.
Exit codes: 0 all is well, 1 there are findings, 2 nothing could be checked.")]
    Doctor(Doctor),
    /// Sends dead letters back to the queues that the functions read, and says what became of each.
    /// Shows them first, and asks on a terminal.
    #[command(after_help = "Examples:
  aws-tags redrive --dry-run
  aws-tags redrive --yes --wait 300
  aws-tags redrive --event-name CreateVolume --limit 1
  aws-tags redrive --yes --json | jq -r 'select(.outcome == \"came back\") | .eventID'

A letter is deleted only after it was sent: an interrupted run loses nothing and can be started again.
An event that fails again comes back only after all its tries in the queue; until then it is under way.
Exit codes: 0 all are sent, 1 some came back or could not be sent, 2 the queues cannot be read.")]
    Redrive(Redrive),
}

/// Which AWS is asked.
#[derive(Args)]
struct AccessOptions {
    /// A profile of the shared AWS configuration.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The home Region of the installation.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Send all calls there, e.g. to a local AWS.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
}

#[cfg(feature = "aws")]
impl AccessOptions {
    fn access(&self) -> aws_tags_aws::Access {
        aws_tags_aws::Access {
            profile: self.profile.clone(),
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.clone(),
        }
    }
}

/// Options of `doctor`.
#[derive(Args)]
struct Doctor {
    #[command(flatten)]
    access: AccessOptions,
    /// Further Regions whose trails and rules are checked. Without it us-east-1, where calls of the
    /// global STS endpoint are logged.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// One JSON object a finding.
    #[arg(long)]
    json: bool,
}

/// Options of `redrive`.
#[derive(Args)]
struct Redrive {
    #[command(flatten)]
    access: AccessOptions,
    /// Further Regions whose dead-letter queues are read. Events go to the home Region.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// Only letters in this dead-letter queue; may be given often.
    #[arg(long = "queue", value_name = "NAME")]
    queues: Vec<String>,
    /// Only events of this call, e.g. `CreateVolume`; may be given often.
    #[arg(long = "event-name", value_name = "NAME")]
    event_names: Vec<String>,
    /// At most so many letters.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Show the letters and send nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Send without asking.
    #[arg(long)]
    yes: bool,
    /// How long to wait for what becomes of the events; 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// One JSON object an event.
    #[arg(long)]
    json: bool,
}

/// Where records come from.
#[derive(Args)]
struct Input {
    /// Files, folders (every .json and .json.gz inside), or `-` for standard input. Records may
    /// be bare, in EventBridge events, in `{"Records": […]}`, in the answer of `aws cloudtrail
    /// lookup-events`, one or many in a file, gzipped or not.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Args)]
struct Explain {
    #[command(flatten)]
    input: Input,
    /// One JSON object a record.
    #[arg(long)]
    json: bool,
}

/// Options of `replay`.
#[derive(Args)]
struct Replay {
    #[command(flatten)]
    input: Input,
    /// One JSON object an event.
    #[arg(long)]
    json: bool,
    /// IAM tags of roles and users: {"role/developer": {"Team": "payments"}, "user/ann": {…}}.
    #[arg(long, value_name = "FILE")]
    iam_tags: Option<PathBuf>,
    /// Tag the resources in AWS, with the credentials of the environment. Only records of the
    /// credentials' account are acted on.
    #[arg(long)]
    apply: bool,
    /// Send all calls there, e.g. to a local AWS.
    #[arg(long, value_name = "URL", requires = "apply")]
    endpoint_url: Option<String>,
}

#[derive(Args)]
struct Services {
    /// Only these, e.g. `ec2`.
    #[arg(value_name = "SERVICE")]
    names: Vec<String>,
    /// Only kinds of resources that contain this, e.g. `volume` or `ec2:`.
    #[arg(long, value_name = "TEXT")]
    kind: Option<String>,
    /// Only what is tagged by a call that contains this, e.g. `tag:TagResources`.
    #[arg(long, value_name = "TEXT")]
    route: Option<String>,
    /// Only services of this tier and the ones within it.
    #[arg(long, value_name = "WHICH", default_value = "all", value_parser = deployment::tier)]
    tier: Tier,
    /// Only rows that rest on this.
    #[arg(long, value_enum)]
    evidence: Option<EvidenceChoice>,
    /// One JSON object a row.
    #[arg(long)]
    json: bool,
}

/// Options of `rules` and `policy`.
#[derive(Args)]
struct Deployment {
    /// Which services: the original ones, those of common use too, or all.
    #[arg(long, value_name = "WHICH", default_value = "all", value_parser = deployment::tier)]
    services: Tier,
    /// One JSON object a rule or policy.
    #[arg(long)]
    json: bool,
}

/// What a row rests on.
#[derive(Clone, Copy, clap::ValueEnum)]
enum EvidenceChoice {
    /// A published record.
    Recorded,
    /// The model of the API.
    Modelled,
}

#[derive(Args)]
struct SettingsList {
    /// One JSON object a setting.
    #[arg(long)]
    json: bool,
}

/// What a build without AWS answers.
#[cfg(not(feature = "aws"))]
const NO_AWS: &str = "this build cannot talk to AWS: build with `cargo build -p aws-tags-cli --features aws`";

/// How a command ended. Bad input is said at once, on standard error, and remembered here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Done,
    Failed,
    BadInput,
}

fn main() -> ExitCode {
    let out = &mut anstream::stdout().lock();
    let end = match Cli::parse().command {
        Command::Explain(options) => explain::run(&options, out),
        Command::Replay(options) => replay::run(&options, out),
        Command::Services(options) => services::run(&options, out),
        Command::Rules(options) => deployment::rules(&options, out),
        Command::Policy(options) => deployment::policy(&options, out),
        Command::Settings(options) => services::settings(&options, out),
        #[cfg(feature = "aws")]
        Command::Doctor(options) => doctor::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Redrive(options) => redrive::run(&options, out),
        #[cfg(not(feature = "aws"))]
        Command::Doctor(_) | Command::Redrive(_) => Err(std::io::Error::other(NO_AWS)),
    };
    match end {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Failed) => ExitCode::FAILURE,
        Ok(End::BadInput) => ExitCode::from(2),
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// One line on standard error.
fn complain(message: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(anstream::stderr(), "aws-tags: {message}");
}
