//! `doctor --doors`: asks IAM for every role and user who may use which door, and reads the resources' own policies.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use aws_tags::deployment::doors::{DOORS, Part, USE_OF_KEY};
use aws_tags::deployment::resource_names::{
    CREATION_QUEUE, CREATION_RULES, DEAD_LETTERS, FORWARDED_SESSION_RULE, PREFIX, SESSION_QUEUE,
    SESSION_RECORDER, SESSION_RULE, SESSION_TABLE, TAG_HANDLER,
};
use aws_tags::record::partition_of;
use aws_tags_aws::Error;
use wildmatch::WildMatch;

use super::Doctor;
use super::checks::{self, Guarded, ResourcePolicy};
use super::finding::{Finding, Severity};
use crate::account::{Decision, Principal, Queue, RegionalClients, key_policy, simulate_in_turn};
use crate::console::{Progress, complain};

/// Resources of one call: of longer lists, IAM takes no more.
const RESOURCES_PER_CALL: usize = 20;
/// Calls a second, as long as IAM does not throttle.
const CALLS_PER_SECOND: usize = 10;
/// Below this, nobody needs to know how long it takes.
const SHORT_SECONDS: usize = 10;

/// What a deployment has that is guarded, and what its resource policies say.
#[derive(Default)]
struct Surroundings {
    guarded: Vec<Guarded>,
    policies: Vec<(String, ResourcePolicy)>,
    /// The functions' roles.
    own: Vec<String>,
}

/// What may be asked together: actions and resources of one service.
struct Group {
    actions: BTreeSet<&'static str>,
    resources: Vec<String>,
}

/// Actions and resources of one call.
type Question<'a> = (Vec<&'a str>, Vec<&'a str>);

/// What IAM said of all.
struct Answers {
    decisions: BTreeMap<String, Vec<Decision>>,
    /// Whom it said nothing of, and why.
    failed: Vec<(String, Error)>,
}

impl<W: Write> Doctor<'_, W> {
    /// Who may use the doors: by the policies of resources, and by IAM.
    pub(super) async fn doors(
        &mut self,
        recorders: &[String],
        regions: &[String],
        trusted: &[String],
    ) -> io::Result<()> {
        self.report.region.clone_from(&self.home);
        let (principals, around) = match self.read(recorders, regions).await {
            Ok(read) => read,
            Err(error) => return self.report.check("doors", Err::<(), _>(error), |()| Vec::new()),
        };
        for (region, policy) in &around.policies {
            self.report.region.clone_from(region);
            let account = self.account.clone();
            self.report.check("doors", Ok(policy), |policy| {
                checks::resource_policies(std::slice::from_ref(policy), &account)
            })?;
        }
        self.report.region.clone_from(&self.home);
        let answers = self.ask(principals, &around.guarded, trusted).await;
        self.report.check("doors", answers, |answers| {
            let mut findings = checks::doors(&around.guarded, &answers.decisions, &around.own);
            findings.extend(unanswered(&answers.failed));
            findings
        })
    }

    /// Who there is, and the guarded resources of all Regions with their policies.
    async fn read(
        &self,
        recorders: &[String],
        regions: &[String],
    ) -> Result<(Vec<Principal>, Surroundings), Error> {
        let principals = RegionalClients::new(self.aws, &self.home).principals().await?;
        let mut around = Surroundings::default();
        for region in regions {
            let here = RegionalClients::new(self.aws, region);
            self.queues_of(&here, region, &mut around).await?;
            let rules = match recorders.contains(region) {
                true => [format!("{CREATION_RULES}1"), SESSION_RULE.to_owned()],
                false => [format!("{CREATION_RULES}1"), FORWARDED_SESSION_RULE.to_owned()],
            };
            around.add_all(
                Part::Rule,
                region,
                rules.map(|name| self.arn("events", region, &format!("rule/{name}"))),
            );
            let functions =
                [(TAG_HANDLER, *region == self.home), (SESSION_RECORDER, recorders.contains(region))];
            for (name, _) in functions.iter().filter(|(_, stands)| *stands) {
                self.function_of(&here, region, name, &mut around).await?;
            }
        }
        let here = RegionalClients::new(self.aws, &self.home);
        let table = self.arn("dynamodb", &self.home, &format!("table/{}", SESSION_TABLE.0));
        if let Some(policy) = here.table_policy(&table).await? {
            around.add_policy(&self.home, format!("table `{}`", SESSION_TABLE.0), false, policy);
        }
        around.add_all(Part::Table, &self.home, [table]);
        let own = principals.iter().filter(|principal| around.own.contains(&principal.arn));
        let policies: Vec<String> = own.flat_map(|role| role.managed.iter().cloned()).collect();
        around.add_all(Part::Policy, &self.home, policies);
        Ok((principals, around))
    }

    /// The queues of a Region, and their key.
    async fn queues_of(
        &self,
        here: &RegionalClients,
        region: &str,
        around: &mut Surroundings,
    ) -> Result<(), Error> {
        let queues = here.queues(PREFIX).await?;
        let keys: BTreeSet<String> = queues.iter().filter_map(|queue| self.key_of(queue, region)).collect();
        for queue in queues {
            let part = match queue.name.as_str() {
                CREATION_QUEUE => Part::CreationQueue,
                SESSION_QUEUE => Part::SessionQueue,
                name if name.ends_with(DEAD_LETTERS) => Part::DeadLetters,
                _ => continue,
            };
            let (arn, key) = (self.arn("sqs", region, &queue.name), self.key_of(&queue, region));
            around.guarded.push(Guarded { part, region: region.to_owned(), arn, key });
            if let Some(policy) = queue.policy {
                around.add_policy(region, format!("queue `{}`", queue.name), false, policy);
            }
        }
        for key in keys {
            if let Some(policy) = key_policy(self.aws, region, &key).await? {
                around.add_policy(region, format!("key {key}"), true, policy);
            }
            around.add_all(Part::Key, region, [key]);
        }
        Ok(())
    }

    /// The ARN of a queue's key. An alias may name another key tomorrow: the templates set an id.
    fn key_of(&self, queue: &Queue, region: &str) -> Option<String> {
        let key = queue.key.as_deref().filter(|key| !key.contains("alias/"))?;
        let is_arn = key.starts_with("arn:");
        Some(if is_arn { key.to_owned() } else { self.arn("kms", region, &format!("key/{key}")) })
    }

    /// A function with its mappings, role, and the place of its code.
    async fn function_of(
        &self,
        here: &RegionalClients,
        region: &str,
        name: &str,
        around: &mut Surroundings,
    ) -> Result<(), Error> {
        let Some(function) = here.function(name).await? else { return Ok(()) };
        around.add_all(Part::Function, region, [self.arn("lambda", region, &format!("function:{name}"))]);
        if let Some(policy) = here.function_policy(name).await? {
            around.add_policy(region, format!("function `{name}`"), false, policy);
        }
        let mapping = |id: &str| self.arn("lambda", region, &format!("event-source-mapping:{id}"));
        let mappings: Vec<_> =
            function.event_source_mappings.iter().map(|source| mapping(&source.id)).collect();
        around.add_all(Part::Mapping, region, mappings);
        let code = format!("arn:{}:s3:::{PREFIX}code-{}-{region}/code", partition_of(region), self.account);
        around.add_all(Part::Code, region, [code]);
        around.own.push(function.role.clone());
        around.add_all(Part::Role, region, [function.role]);
        Ok(())
    }

    fn arn(&self, service: &str, region: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{region}:{}:{resource}", partition_of(region), self.account)
    }

    /// Asks IAM for every principal that is not trusted anyway, and whose policies might open a door.
    async fn ask(
        &self,
        mut principals: Vec<Principal>,
        guarded: &[Guarded],
        trusted: &[String],
    ) -> Result<Answers, Error> {
        let iam = RegionalClients::new(self.aws, &self.home);
        let trusted: Vec<_> = trusted.iter().map(|pattern| WildMatch::new(pattern)).collect();
        principals.retain(|principal| !trusted.iter().any(|pattern| pattern.matches(&principal.arn)));
        let groups = groups(guarded);
        let asked = principals.iter().map(|principal| (principal.arn.clone(), questions(principal, &groups)));
        let asked: Vec<_> = asked.filter(|(_, questions)| !questions.is_empty()).collect();
        let calls: usize = asked.iter().map(|(_, questions)| questions.len()).sum();
        if calls > SHORT_SECONDS.saturating_mul(CALLS_PER_SECOND) {
            let minutes = calls.div_ceil(60 * CALLS_PER_SECOND);
            complain(&format!(
                "asking IAM what {} of {} roles and users may do: {minutes} min, longer where it throttles",
                asked.len(),
                principals.len()
            ));
        }
        let mut progress = Progress::of(asked.len(), "roles and users");
        let mut answers = Answers { decisions: BTreeMap::new(), failed: Vec::new() };
        for (principal, questions) in asked {
            match self.ask_for(&iam, &principal, &questions).await {
                Ok(decisions) => {
                    answers.decisions.insert(principal, decisions);
                }
                // Deleted since it was listed.
                Err(error) if error.is_not_found() => {}
                // Who may not ask for the first may not ask at all.
                Err(error) if answers.decisions.is_empty() => return Err(error),
                Err(error) => answers.failed.push((principal, error)),
            }
            progress.set(answers.decisions.len().saturating_add(answers.failed.len()) as u64);
        }
        progress.end();
        Ok(answers)
    }

    async fn ask_for(
        &self,
        iam: &RegionalClients,
        principal: &str,
        questions: &[Question<'_>],
    ) -> Result<Vec<Decision>, Error> {
        let mut decisions = Vec::new();
        for (actions, resources) in questions {
            decisions.extend(simulate_in_turn(self.aws, iam, principal, actions, resources).await?);
        }
        Ok(decisions)
    }
}

impl Surroundings {
    fn add_all(&mut self, part: Part, region: &str, arns: impl IntoIterator<Item = String>) {
        for arn in arns {
            // IAM's parts belong to all Regions.
            if !self.guarded.iter().any(|one| one.arn == arn) {
                self.guarded.push(Guarded { part, region: region.to_owned(), arn, key: None });
            }
        }
    }

    fn add_policy(&mut self, region: &str, of: String, is_key: bool, policy: String) {
        self.policies.push((region.to_owned(), ResourcePolicy { of, is_key, policy }));
    }
}

/// What is asked for a principal, by service.
fn groups(guarded: &[Guarded]) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    let key = (USE_OF_KEY, Part::Key);
    let doors = DOORS.iter().flat_map(|door| door.actions.iter().map(move |action| (door, *action)));
    let asked = doors
        .flat_map(|(door, action)| {
            guarded.iter().filter(|one| door.leads_to(one.part)).map(move |one| (action, one))
        })
        .chain(guarded.iter().filter(|one| one.part == key.1).map(|one| (key.0, one)));
    for (action, one) in asked {
        let service = action.split(':').next().unwrap_or_default();
        let group = groups
            .entry(service)
            .or_insert_with(|| Group { actions: BTreeSet::new(), resources: Vec::new() });
        group.actions.insert(action);
        if !group.resources.contains(&one.arn) {
            group.resources.push(one.arn.clone());
        }
    }
    groups.into_values().collect()
}

/// What is to be asked for a principal: by service, what its policies might allow.
fn questions<'a>(principal: &Principal, groups: &'a [Group]) -> Vec<Question<'a>> {
    let of_group = |group: &'a Group| {
        let actions: Vec<&str> = group.actions.iter().copied().collect();
        let might = |arn: &&str| actions.iter().any(|action| principal.might(action, arn));
        let resources: Vec<&str> = group.resources.iter().map(String::as_str).filter(might).collect();
        let calls = resources.chunks(RESOURCES_PER_CALL).map(|some| (actions.clone(), some.to_vec()));
        calls.collect::<Vec<_>>()
    };
    groups.iter().flat_map(of_group).collect()
}

/// Whom IAM said nothing of.
fn unanswered(failed: &[(String, Error)]) -> Option<Finding> {
    let (first, error) = failed.first()?;
    let found = format!(
        "of {} roles and users IAM does not say what they may do, e.g. {first}: {error}",
        failed.len()
    );
    Some(Finding::new(Severity::Unchecked, found, "try again"))
}
