//! `aws-tags`: what the Lambdas would do, told and tried offline.

mod deployment;
mod explain;
mod input;
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

const EXIT_CODES: &str =
    "Exit codes: 0 all is done, 1 some resources could not be tagged, 2 bad input or settings.";

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

#[derive(Args)]
struct SettingsList {
    /// One JSON object a setting.
    #[arg(long)]
    json: bool,
}

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
