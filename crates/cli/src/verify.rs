//! `aws-tags verify`: the living proof. In each Region it starts a session with a tag, makes free resources with it, and
//! follows each record until the session is in the table and the tags are on the resources, or says at which hop it
//! stopped.
//!
//! Nothing of it is simulated: what arrives has come by CloudTrail, EventBridge, the queues and the functions.

mod diagnosis;
mod facts;
mod report;
mod resources;
mod session;
mod trace;
mod watch;

use std::io::{self, Write};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_tags::Settings;
use aws_tags::deployment::resource_names::TAG_HANDLER;
use aws_tags::record::partition_of;
use aws_tags_aws::{Aws, Error, LookupEvents};
use clap::Args;
use futures_util::future::join_all;

use crate::account::{AccessOptions, HISTORY_ATTEMPTS, RegionalClients};
use crate::console::{End, bad_input, complain};
use crate::doctor::{all, recorders};
use crate::interruption::Interruption;
use facts::Deployment;
use report::Report;
use resources::{Kind, PREFIX};
use session::Session;
use trace::{Hop, Stop, Trace, What};
use watch::{Expected, Watch};

/// Bytes of a run's own name, which no other run has.
const NAME_BYTES: usize = 5;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    access: AccessOptions,
    /// Further Regions to try. Those with a session-recorder always are.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// The role whose sessions make the resources; by default the account's role `aws-tags-verify`, which
    /// `infra/verify.yaml` makes.
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// What is made in each Region.
    #[arg(
        long = "make",
        value_name = "KIND",
        value_delimiter = ',',
        value_enum,
        default_value = "queue,security-group,bucket"
    )]
    kinds: Vec<Kind>,
    /// How long to wait for the tags.
    #[arg(long, value_name = "SECONDS", default_value_t = 1200)]
    wait: u64,
    /// Only delete what earlier runs left in the Regions.
    #[arg(long)]
    clean_up: bool,
    /// One JSON object for each record.
    #[arg(long)]
    json: bool,
}

/// Tries the deployment. What was made is deleted at the end, also after Ctrl-C.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (aws, home, account) = match options.access.connect_to_account().await {
            Ok(found) => found,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        let handler = match RegionalClients::new(&aws, &home).function(TAG_HANDLER).await {
            Ok(Some(handler)) => handler,
            Ok(None) => {
                return Ok(bad_input(&format!(
                    "there is no function `{TAG_HANDLER}` in {home}: deploy first (`make deploy`), or name the home Region \
                     with --region"
                )));
            }
            Err(error) => return Ok(bad_input(&options.access.cannot("read the tag-handler", &aws, &error))),
        };
        let settings = Settings::read(|name| handler.environment.get(name).cloned());
        let settings = match settings {
            Ok(settings) => settings,
            Err(wrong) => return Ok(bad_input(&format!("the tag-handler cannot start: {wrong}"))),
        };
        let role = options
            .role
            .clone()
            .unwrap_or_else(|| format!("arn:{}:iam::{account}:role/aws-tags-verify", partition_of(&home)));
        if settings.excludes(&role) {
            return Ok(bad_input(&format!("EXCLUDED_PRINCIPALS of the tag-handler leaves out what {role} makes")));
        }
        let recorders = recorders(Some(&handler), &home);
        let regions = all([&recorders, &options.regions].into_iter().flatten());
        let mut name = [0; NAME_BYTES];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let name = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let deployment = Deployment { account, home, recorders, regions };
        let run = Run { aws: &aws, options, deployment, role, name };
        let mut report = Report::new(out, options.json);
        if options.clean_up {
            return run.clean_up(&mut report).await;
        }
        match run.verify(&settings, &mut report).await? {
            Ok(deleted) => report.end(deleted),
            Err(end) => Ok(end),
        }
    })
}

/// One run.
struct Run<'a> {
    aws: &'a Aws,
    options: &'a Options,
    deployment: Deployment,
    /// ARN of the role.
    role: String,
    /// What the names of this run have and no others.
    name: String,
}

impl Run<'_> {
    /// The name of the session and of all resources in a Region.
    fn name_in(&self, region: &str) -> String {
        format!("{PREFIX}{}-{region}", self.name)
    }

    fn config(&self, region: &str) -> SdkConfig {
        self.aws.config().to_builder().region(Region::new(region.to_owned())).build()
    }

    /// Makes everything, watches, and deletes it; gives the number of deleted resources, or how the command ends where
    /// it could not begin.
    async fn verify(
        &self,
        settings: &Settings,
        report: &mut Report<'_, impl Write>,
    ) -> io::Result<Result<usize, End>> {
        let Deployment { account, home, regions, .. } = &self.deployment;
        let regions = regions.join(", ");
        report.say(&format!("Account {account}, home Region {home}, Regions {regions}"))?;
        report.say(&format!("Sessions of {}, named {PREFIX}{}-<Region>", self.role, self.name))?;
        report.say("")?;
        let sessions = match self.start_sessions().await {
            Ok(sessions) => sessions,
            Err(error) => return Ok(Err(self.cannot_assume(&error))),
        };
        let mut interruption = Interruption::new()?;
        // Making takes seconds and is not interrupted, so that all that is made is known.
        let mut traces = self.make_all(&sessions, report).await?;
        let expected = Expected::of(settings, self.role_tags().await, &self.name);
        let history = LookupEvents::new(self.aws, HISTORY_ATTEMPTS);
        let watch = Watch {
            aws: self.aws,
            history: &history,
            deployment: &self.deployment,
            name: &self.name,
            expected: &expected,
            wait: Duration::from_secs(self.options.wait),
        };
        let watched = tokio::select! {
            () = interruption.comes() => None,
            watched = watch.until_all_ended(&mut traces, report) => Some(watched),
        };
        if watched.is_none() {
            complain("interrupted: deleting what was made");
        }
        let deleted = self.delete(&traces).await.ok_or(End::Failed);
        let is_done = watched.transpose()?.is_some();
        Ok(deleted.and_then(|deleted| is_done.then_some(deleted).ok_or(End::Interrupted)))
    }

    /// What the records are about: each session, and what is made with it.
    async fn make_all(
        &self,
        sessions: &[Session],
        report: &mut Report<'_, impl Write>,
    ) -> io::Result<Vec<Trace>> {
        let mut traces: Vec<Trace> =
            sessions.iter().map(|session| self.trace(What::Session, session)).collect();
        let all =
            sessions.iter().flat_map(|session| self.options.kinds.iter().map(move |kind| (session, *kind)));
        for made in join_all(all.map(|(session, kind)| self.make(session, kind))).await {
            match made {
                Ok(trace) => traces.push(trace),
                Err(nothing) => report.say(&nothing)?,
            }
        }
        Ok(traces)
    }

    /// A session in each Region. Fails if it can start nowhere.
    async fn start_sessions(&self) -> Result<Vec<Session>, Error> {
        let started = join_all(self.deployment.regions.iter().map(|region| {
            let name = self.name_in(region);
            async move {
                session::start(self.aws, region, &self.deployment.account, &self.role, (&name, &self.name))
                    .await
            }
        }));
        started.await.into_iter().collect()
    }

    /// The tags of the role, as far as they can be read: resources should inherit them.
    async fn role_tags(&self) -> aws_tags::tags::TagMap {
        RegionalClients::new(self.aws, &self.deployment.home).role_tags(&self.role).await.unwrap_or_default()
    }

    fn trace(&self, what: What, session: &Session) -> Trace {
        Trace::new(what, session, self.name_in(&session.region))
    }

    /// Makes a resource, or says why the Region cannot have it.
    async fn make(&self, session: &Session, kind: Kind) -> Result<Trace, String> {
        let mut trace = self.trace(What::Resource(kind), session);
        match resources::make(kind, &session.config, &trace.name).await {
            Ok(Some(id)) => trace.id = Some(id),
            Ok(None) => return Err(format!("{:<15} no VPC, so no {}", session.region, kind.as_str())),
            Err(error) => {
                let todo = format!("allow it to {}, or leave it out with --make", self.role);
                trace.stop(Stop::at(Hop::Call, error.to_string(), todo));
            }
        }
        Ok(trace)
    }

    /// Deletes what was made; `None` where something is left, which is complained about.
    async fn delete(&self, traces: &[Trace]) -> Option<usize> {
        let made = traces.iter().filter_map(|trace| match (trace.what, &trace.id) {
            (What::Resource(kind), Some(id)) => Some((kind, &trace.session, &trace.name, id)),
            _ => None,
        });
        delete_all(made).await
    }

    /// Deletes what all earlier runs left.
    async fn clean_up(&self, report: &mut Report<'_, impl Write>) -> io::Result<End> {
        let sessions = match self.start_sessions().await {
            Ok(sessions) => sessions,
            Err(error) => return Ok(self.cannot_assume(&error)),
        };
        let (mut left, mut end) = (Vec::new(), End::Done);
        for session in &sessions {
            for &kind in &self.options.kinds {
                match resources::left(kind, &self.config(&session.region)).await {
                    Ok(some) => left.extend(some.into_iter().map(|(name, id)| (kind, session, name, id))),
                    Err(error) => {
                        let (kind, region) = (kind.as_str(), &session.region);
                        complain(&format!("cannot list what is left of each {kind} in {region}: {error}"));
                        end = End::Failed;
                    }
                }
            }
        }
        let deleted =
            delete_all(left.iter().map(|(kind, session, name, id)| (*kind, *session, name, id))).await;
        report.say(&format!("deleted: {} resources", deleted.unwrap_or_default()))?;
        Ok(if deleted.is_some() { end } else { End::Failed })
    }

    fn cannot_assume(&self, error: &Error) -> End {
        let todo = "deploy `infra/verify.yaml`, or name a role with --role";
        bad_input(&format!("cannot assume {}: {error}; {todo}", self.role))
    }
}

/// Deletes resources; gives their number, or `None` where something is left, which is complained about.
async fn delete_all<'a>(
    made: impl Iterator<Item = (Kind, &'a Session, &'a String, &'a String)>,
) -> Option<usize> {
    let deleted = join_all(made.map(|(kind, session, name, id)| async move {
        let done = resources::delete(kind, &session.config, id).await;
        done.map_err(|error| {
            let (kind, region) = (kind.as_str(), &session.region);
            complain(&format!(
                "the {kind} {name} in {region} is left: {error}; delete it later with --clean-up"
            ));
        })
    }));
    let deleted: Result<Vec<()>, ()> = deleted.await.into_iter().collect();
    deleted.ok().map(|all| all.len())
}
