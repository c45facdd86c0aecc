//! `aws-tags`: explains events, tries the functions on them, checks a deployment, redrives its dead
//! letters.

#[cfg(feature = "aws")]
mod account;
#[cfg(feature = "aws")]
mod audit;
mod backfill;
mod console;
mod deployment;
mod describe;
#[cfg(feature = "aws")]
mod doctor;
mod explain;
mod input;
#[cfg(feature = "aws")]
mod interruption;
#[cfg(test)]
mod mutations;
#[cfg(feature = "aws")]
mod probe;
#[cfg(feature = "aws")]
mod redrive;
mod replay;
mod report;
mod services;
mod settings;
mod shell;
#[cfg(feature = "aws")]
mod undo;
#[cfg(feature = "aws")]
mod verify;
#[cfg(feature = "aws")]
mod why;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use console::{End, bad_input, complain};

/// New AWS resources inherit the tags of whoever created them.
#[derive(Parser)]
#[command(name = "aws-tags", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[cfg(feature = "aws")]
const EXIT_CODES: &str = "Exit codes: 0 success, 1 some resources could not be tagged, there are findings, or some events \
could not be sent, 2 bad input, settings or credentials, or the output could not be written.";

#[cfg(not(feature = "aws"))]
const EXIT_CODES: &str = "Exit codes: 0 success, 1 some resources are unresolvable, 2 bad input or settings, or the output could not be written.
This build does not reach AWS (`--no-default-features`): it has no audit, no doctor, no redrive, no probe, no replay --live and no replay --apply.";

#[derive(Subcommand)]
enum Command {
    /// Shows what each call did: the resources it created, the session it started, or why neither.
    /// Offline.
    #[command(after_help = "Examples:
  aws-tags explain events/ec2/RunInstances.json
  aws-tags explain --json trail/*.json.gz | jq -r '.resources[]'
  aws s3 cp s3://trail/AWSLogs/…/x.json.gz - | aws-tags explain -

Exit codes: 0 all input was read, whatever the calls did, 2 some was not.")]
    Explain(explain::Options),
    /// Runs events through the code of the functions, in order of time, and shows which resource would
    /// get which tag, and where the tag comes from.
    #[command(after_help = "Examples:
  aws-tags replay events
  aws-tags replay --summary trail/
  aws-tags replay --quiet --service ec2 trail/
  aws-tags replay --iam-tags iam-tags.json --owner '*/ann' trail/
  OWNER=session-name aws-tags replay --json trail/ | jq 'select(.resources != [])'
  aws-tags replay --live --profile prod --region eu-west-1 trail/2026/05/04
  aws-tags replay --apply --profile prod --region eu-west-1 trail/2026/05/04

The settings of the tag-handler apply here too: see `aws-tags settings`.
Without --live or --apply nobody is asked: old events count as if they had just come, IAM tags come from --iam-tags, and of \
the tags that resources have, only those that the records show are known. With them, sessions also come from the session table \
of the Region or SESSION_TABLE, and what bears a name an hour after the event may be another's and is late.
Exit codes: 0 all is tagged or left alone, 1 some resources are unresolvable, late or failed, 2 bad input, settings or credentials.")]
    Replay(replay::Options),
    /// Tags what is there already, by the history of who created it: a plan first, and nothing without it.
    #[command(after_help = "Examples:
  aws-tags backfill --profile prod --regions eu-west-1,us-east-1 history
  aws-tags backfill --accounts 111122223333 --since 2025-01-01 s3://org-trail/AWSLogs/o-exampleorgid
  aws-tags backfill --resume 2026-11-26-k3 --apply
  aws-tags backfill --resume 2026-11-26-k3 --apply --yes --rate 2 --json | jq -r 'select(.result == \"failed\") | .arn'
  aws-tags backfill --json trail/ | jq .states
  aws-tags backfill --reduce-only reduction.jsonl --last 7d --regions all history
  aws-tags backfill --reduce-only - --since 2025-01-01 --accounts 111122223333 trail/ | aws-tags replay -
  aws-tags backfill --athena-sql --bucket org-trail --org o-exampleorgid --accounts 111122223333 \
    --regions eu-west-1,us-east-1 --since 2025-01-01 --until 2025-12-31 --to s3://results/aws-tags > athena.sql

The last creation of a name counts, unless it has ended since. What no record tells for certain is `unsure`, and never tagged: two \
creators in one second, a call that also answers for what is there, another creation time than the event's. The settings of the \
tag-handler apply: see `aws-tags settings`. IAM tags are those of today. The plan is a file with a line of JSON for each resource; it names \
people, and only its owner may read it.
Filters choose the lines of a plan, and hide no later record: those of 12 hours before --since and after --until are read, and those of \
us-east-1, where the global endpoint of STS is logged. With --reduce-only they choose records.
`history` asks LookupEvents, twice a second in each Region, all Regions at once: 50 writing calls to a page, and each session that \
created something by one call.
Before --apply writes anything, the tags of each resource are read once more, and only keys that it lacks are added. Each call is in the \
journal of the run before it is made. After Ctrl-C, an error or a crash the same command with --resume goes on, and repeats no call \
but those that were under way.
Exit codes: 0 all is done, 1 some input could not be read or some resources failed, 2 bad input, settings or credentials, a file that \
cannot be written, or nobody can be asked and --yes is not given, 130 interrupted: --resume goes on.")]
    Backfill(Box<backfill::Options>),
    /// Makes one HTML file of audits: coverage over time, by service and owner, untagged resources with the best guess whose they
    /// are, and a list of all, each tag with where it came from. It needs no network and no server. Offline.
    #[command(after_help = "Examples:
  aws-tags report audit.jsonl -o report.html
  aws-tags report audits/*.jsonl.gz -o report.html
  aws-tags report --hide-values --hide-principals audit.jsonl -o to-pass-on.html
  aws-tags audit --json | aws-tags report - -o report.html

Without --hide-values and --hide-principals the file has whatever the audit has: names of people, and all tags.
Exit codes: 0 the report has all, 1 it was made, but some lines or files could not be read, 2 nothing was written.")]
    Report(report::Options),
    /// Lists what is supported: services, calls, resource types, and how they are tagged.
    #[command(after_help = "Examples:
  aws-tags services
  aws-tags services ec2 rds
  aws-tags services --tier common --type role
  aws-tags services --json | jq -r '.eventName'")]
    Services(services::Options),
    /// Prints the EventBridge rules that deliver what the functions handle.
    #[command(after_help = "Examples:
  aws-tags rules
  aws-tags rules --tier common --json | jq -c .pattern")]
    Rules(deployment::Options),
    /// Prints the IAM policies that the tag-handler, and `backfill --apply`, need for tagging; and those of plans and `undo`.
    #[command(after_help = "Examples:
  aws-tags policy
  aws-tags policy --tier all --json | jq .document
  aws-tags policy --tier all --undo
  aws-tags policy --tier all --plan --bucket org-trail")]
    Policy(deployment::PolicyOptions),
    /// Lists the settings, which are environment variables, and checks those that are set.
    #[command(after_help = "Examples:
  aws-tags settings
  OWNER=session-tag:email,origin aws-tags settings
  aws-tags settings --json | jq -r '.name'")]
    Settings(settings::Options),
    /// Checks a deployment, and shows what to do about each finding: trails, rules, functions and
    /// their settings, table, queues, permissions, other taggers.
    #[command(after_help = "Examples:
  aws-tags doctor --profile prod --region eu-west-1
  aws-tags doctor --regions eu-central-1,us-east-1
  aws-tags doctor --json | jq -r 'select(.severity == \"error\") | .todo'
  aws-tags doctor --doors --trusted '*:role/pipeline,*:role/operators-*'
  aws-tags doctor --doors --json | jq -r '.principals[]?.principal' | sort -u

--doors asks IAM's policy simulator for each role and user whose policies might open a door, ten times a second at most: 1,000 \
administrators take twelve minutes, all others less. The simulator counts policies of principals, permissions boundaries, and SCPs without \
conditions. It does not count SCPs with conditions, session policies, resource control policies and those of VPC endpoints, so that some \
may do less than is said; what depends on a real call's address, MFA or time is shown as such. Not looked at are roles linked to a \
service, grants of KMS, and what other accounts' policies allow.
A check that cannot be made, e.g. because a permission is missing, is a finding and does not stop the other checks.
Exit codes: 0 no findings but notes, 1 findings, 2 nothing could be checked.")]
    #[cfg(feature = "aws")]
    Doctor(doctor::Options),
    /// Sends dead letters back to the queues that the functions read, and shows what became of each.
    /// Lists them first, and asks on a terminal.
    #[command(after_help = "Examples:
  aws-tags redrive --dry-run
  aws-tags redrive --yes --wait 300
  aws-tags redrive --event-name CreateVolume --limit 1
  aws-tags redrive --yes --json | jq -r 'select(.outcome == \"failed again\") | .eventID'

Of events over an hour old whose resource has a name, CloudTrail's history is asked who created it last (LookupEvents, twice a
second): what another event created since is reported as `not ours`, and its message deleted.
A message is deleted only after its events were sent: an interrupted run loses nothing, and can be repeated.
An event that fails again is a dead letter only after all its retries; until then it is `in progress`.
Exit codes: 0 all events are sent, 1 some failed again or could not be sent, 2 the queues cannot be read, or nobody can be \
asked and --yes is not given, 130 interrupted.")]
    #[cfg(feature = "aws")]
    Redrive(redrive::Options),
    /// Takes back the tags that a run wrote and that are still so. Tags that anybody has changed since stay.
    #[command(after_help = "Examples:
  aws-tags undo 2026-11-26-k3 --dry-run
  aws-tags undo 2026-11-26-k3 --owner '*/ann' --services ec2,s3
  aws-tags undo 2026-11-26-k3 --arn 'arn:aws:sqs:*:orders' --yes
  aws-tags undo 2026-11-26-k3 --redo

Each resource is read first; a key is taken away only if the journal says that we wrote it, and it still has that value. Undoing has \
a journal, too: after Ctrl-C the same command goes on, and --redo puts back what was taken.
Exit codes: 0 all is done, 1 some resources failed, 2 nothing could be done, nobody can be asked and \
--yes is not given, or the journal could not be written, 130 interrupted.")]
    #[cfg(feature = "aws")]
    Undo(undo::Options),
    /// Says who made a resource, where each of its tags comes from, and what was there before.
    #[command(after_help = "Examples:
  aws-tags why arn:aws:sqs:eu-west-1:111122223333:orders
  aws-tags why arn:aws:sqs:eu-west-1:111122223333:orders --now
  aws-tags why arn:aws:sqs:eu-west-1:111122223333:orders --log handler.log --history trail/2026/11 --json

It looks through the plans and journals of all runs of `backfill`, and through logs and records that are given. It changes nothing, and \
asks AWS only with --now.
Exit codes: 0 something is known, 1 nothing is, 2 a file cannot be read, or AWS cannot be asked.")]
    #[cfg(feature = "aws")]
    Why(why::Options),
    /// Proves that a deployment works: starts sessions with a tag, makes free resources with them in each Region,
    /// follows their records from CloudTrail to the tags, and deletes everything.
    #[command(after_help = "Examples:
  aws-tags verify --profile prod --region eu-west-1
  aws-tags verify --regions eu-central-1,ap-southeast-2 --make queue
  aws-tags verify --role arn:aws:iam::111122223333:role/developer --wait 300
  aws-tags verify --json | jq -r 'select(.outcome == \"stopped\") | [.region, .stoppedAt, .todo] | @tsv'
  aws-tags verify --clean-up

A session of --role is started in each Region, and makes one resource for each way of tagging. All names begin with \
aws-tags-verify-; nothing costs anything. It takes a minute or two, or as long as CloudTrail does. The role, and the permissions of \
whoever runs the command, are in infra/verify.yaml.
Exit codes: 0 all arrived, 1 a record stopped, which is named with its hop, or something is left, 2 nothing could be tried, \
130 interrupted.")]
    #[cfg(feature = "aws")]
    Verify(verify::Options),
    /// Asks AWS which resource types `tag:TagResources` takes, and whether the services' own operations on
    /// tags answer as their models say. It asks about resources that do not exist, and changes nothing.
    #[command(after_help = "Examples:
  aws-tags probe --dry-run --services lex,sns
  aws-tags probe --profile sandbox --region eu-west-1
  aws-tags probe --live --yes
  aws-tags probe --policy --json | jq .document
  aws-tags probe --out probed.jsonl --json | jq -r 'select(.tagResources.answer == \"refused\") | .type'

Each ARN that it asks about has 128 random bits; types of which an account has only one are left out. The tag that it asks for is \
`aws-tags:probe`. TagResources is called four times a second at most, and less often where AWS throttles. Types whose ARNs name no \
Region are asked about in us-east-1.
The file says nothing of the account, and a maintainer takes it over as evidence: crates/README.md says how. It is whole at any \
time: after Ctrl-C or an error, the same command goes on. What AWS failed inside of is asked again the next time.
With --live, a queue and a bucket `aws-tags-probe-…` are made, measured with, and deleted.
Exit codes: 0 all types were asked about, 1 some were not, 2 AWS cannot be asked, or the file is of another kind of Region, \
130 interrupted: the same command goes on.")]
    #[cfg(feature = "aws")]
    Probe(probe::Options),
    /// Says of every taggable resource of an account whether it has the tags that it should have, and whose they are. Changes
    /// nothing.
    #[command(after_help = "Examples:
  aws-tags audit --profile prod --region eu-west-1
  aws-tags audit --regions all --require Owner,Team --by service,key
  aws-tags audit --history trail/ --json > audit.jsonl
  aws-tags audit --csv > audit.csv
  aws-tags audit --regions all --min-coverage 95% --fail-on unowned
  aws-tags audit --policy --json | jq .document

Resource Explorer is asked where it has a view with tags, then the tagging API in each Region, then the services' own lists of what neither \
shows: roles, users, Auto Scaling groups, and what EC2 never tagged. Which were asked, and what they cannot show, stands at the head of every \
output. The tagging API shows some deleted resources for hours. OWNER_TAG and PRINCIPAL_ID_TAG say which tags are ours.
Exit codes: 0 well, 1 coverage below --min-coverage, something of --fail-on, or a Region, list or file that could not be read, 2 nothing \
could be asked, bad input, or --min-coverage with a partial inventory.")]
    #[cfg(feature = "aws")]
    Audit(audit::Options),
    /// Prints the completions of a shell.
    #[command(after_help = "Examples:
  aws-tags completions bash > ~/.local/share/bash-completion/completions/aws-tags
  aws-tags completions zsh > ~/.zfunc/_aws-tags
  aws-tags completions fish > ~/.config/fish/completions/aws-tags.fish")]
    Completions { shell: clap_complete::Shell },
    /// Prints the manual page, or that of a command.
    #[command(after_help = "Examples:
  aws-tags man | man -l -
  aws-tags man replay > aws-tags-replay.1")]
    Man { command: Option<String> },
}

/// Prints the manual page of a command, or of all.
fn man(command: Option<&str>, out: &mut impl Write) -> io::Result<End> {
    let mut all = Cli::command();
    all.build();
    let page = match command {
        None => Some(all),
        Some(name) => all.find_subcommand(name).cloned(),
    };
    match page {
        Some(page) => clap_mangen::Man::new(page).render(out).map(|()| End::Done),
        None => Ok(bad_input(&format!("there is no command `{}`", command.unwrap_or_default()))),
    }
}

fn main() -> ExitCode {
    let out = &mut anstream::stdout().lock();
    let end = match Cli::parse().command {
        Command::Explain(options) => explain::run(&options, out),
        Command::Replay(options) => replay::run(&options, out),
        Command::Backfill(options) => backfill::run(&options, out),
        Command::Report(options) => report::run(&options, out),
        Command::Services(options) => services::run(&options, out),
        Command::Rules(options) => deployment::rules(&options, out),
        Command::Policy(options) => deployment::policy(&options, out),
        Command::Settings(options) => settings::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Doctor(options) => doctor::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Redrive(options) => redrive::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Undo(options) => undo::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Why(options) => why::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Verify(options) => verify::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Probe(options) => probe::run(&options, out),
        #[cfg(feature = "aws")]
        Command::Audit(options) => audit::run(&options, out),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "aws-tags", &mut script);
            out.write_all(&script).map(|()| End::Done)
        }
        Command::Man { command } => man(command.as_deref(), out),
    };
    match end {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Failed) => ExitCode::FAILURE,
        Ok(End::BadInput) => ExitCode::from(2),
        Ok(End::Interrupted) => ExitCode::from(console::INTERRUPTED),
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("cannot go on: {error}"));
            ExitCode::from(2)
        }
    }
}
