//! What a deployment is like while records are under way: read again and again, judged elsewhere.

use std::collections::BTreeMap;

use aws_tags::deployment::resource_names::{
    DEAD_LETTERS, PREFIX, SESSION_RECORDER, SESSION_TABLE, TAG_HANDLER,
};
use aws_tags_aws::{Aws, Error};
use futures_util::future::join_all;

use crate::account::{Function, Queue, RegionalClients, Rule, Table, Trail};

/// The deployment that is tried.
pub(super) struct Deployment {
    pub(super) account: String,
    pub(super) home: String,
    /// The Regions in which a session-recorder should stand.
    pub(super) recorders: Vec<String>,
    /// All that are tried.
    pub(super) regions: Vec<String>,
}

/// The parts of a deployment. What could not be asked is `None`, and `unasked` says why.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) home: String,
    /// The Regions in which a session-recorder should stand.
    pub(super) recorders: Vec<String>,
    pub(super) regions: BTreeMap<String, RegionFacts>,
    /// The tag-handler, `Some(None)` where there is none; so are tables and recorders.
    pub(super) handler: Option<Option<Function>>,
    pub(super) table: Option<Option<Table>>,
    /// What could not be asked, and why.
    pub(super) unasked: Vec<String>,
}

/// The parts in one Region.
#[derive(Default)]
pub(super) struct RegionFacts {
    pub(super) trails: Option<Vec<Trail>>,
    /// Our own rules.
    pub(super) rules: Option<Vec<Rule>>,
    pub(super) queues: Option<Vec<Queue>>,
    pub(super) recorder: Option<Option<Function>>,
    /// Dead letters about this run.
    pub(super) letters: Vec<Letter>,
}

/// A dead letter about this run.
pub(super) struct Letter {
    pub(super) queue: String,
    /// Name of the call that it is about, and all names in its record. These may include a session token, so they are
    /// never shown.
    call: String,
    body: String,
    /// Who gave up, and why.
    pub(super) reason: String,
}

impl Letter {
    /// Whether it is about that call with that name in its record.
    pub(super) fn is_about(&self, call: &str, name: &str) -> bool {
        self.call == call && self.body.contains(name)
    }
}

impl Facts {
    /// Reads all, the Regions beside each other; `run` is what all names of this run hold.
    pub(super) async fn read(aws: &Aws, deployment: &Deployment, run: &str) -> Self {
        let Deployment { account, home, recorders, regions } = deployment;
        let mut facts = Self { home: home.clone(), recorders: recorders.clone(), ..Self::default() };
        let at_home = RegionalClients::new(aws, home);
        facts.handler = facts.known("the tag-handler", at_home.function(TAG_HANDLER).await);
        facts.table = facts.known("the session table", at_home.table(SESSION_TABLE.0).await);
        let all = join_all(regions.iter().map(|region| async move {
            let here = RegionalClients::new(aws, region);
            let has_recorder = recorders.contains(region);
            let recorder = if has_recorder { Some(here.function(SESSION_RECORDER).await) } else { None };
            let rules = here.rules(|name, _| name.starts_with(PREFIX)).await;
            let queues = here.queues(PREFIX).await;
            let letters = letters(&here, queues.as_deref().unwrap_or_default(), run).await;
            (region, here.trails(account).await, rules, queues, recorder, letters)
        }));
        for (region, trails, rules, queues, recorder, letters) in all.await {
            let of_region = RegionFacts {
                trails: facts.known(&format!("trails in {region}"), trails),
                rules: facts.known(&format!("rules in {region}"), rules),
                queues: facts.known(&format!("queues in {region}"), queues),
                recorder: recorder
                    .and_then(|asked| facts.known(&format!("the session-recorder in {region}"), asked)),
                letters: facts.known(&format!("dead letters in {region}"), letters).unwrap_or_default(),
            };
            facts.regions.insert(region.clone(), of_region);
        }
        facts
    }

    fn known<T>(&mut self, what: &str, asked: Result<T, Error>) -> Option<T> {
        asked.map_err(|error| self.unasked.push(format!("{what}: {error}"))).ok()
    }
}

/// The dead letters of a Region that are about this run.
async fn letters(here: &RegionalClients, queues: &[Queue], run: &str) -> Result<Vec<Letter>, Error> {
    let mut letters = Vec::new();
    let dead = queues.iter().filter(|queue| queue.name.ends_with(DEAD_LETTERS));
    for queue in dead.filter(|queue| queue.waiting > 0) {
        let messages = here.look_at(&queue.url).await?;
        letters.extend(messages.into_iter().filter(|message| message.body.contains(run)).map(|message| {
            let letter = message.dead_letter();
            let call = letter.events.iter().find_map(|lost| Some(lost.event.as_ref().ok()?.name.clone()));
            let reason = [letter.reason, letter.message].into_iter().flatten().collect::<Vec<_>>().join(": ");
            let reason = format!("given up by the {}: {reason}", letter.given_up_by.as_str());
            Letter { queue: queue.name.clone(), call: call.unwrap_or_default(), body: message.body, reason }
        }));
    }
    Ok(letters)
}
