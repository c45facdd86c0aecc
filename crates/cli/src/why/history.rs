//! CloudTrail's own history of the last 90 days, asked about one resource: by its id, its name and its ARN.

use std::collections::BTreeSet;

use aws_tags::Event;
use aws_tags::backfill::relevance::{Kind, kind_of};
use aws_tags::backfill::sessions::wanted;
use aws_tags::history::KEPT_FOR;
use aws_tags::identity::Session;
use aws_tags::record::{Arn, partition_of};
use aws_tags_aws::{Asked, Error, LookupEvents};
use time::OffsetDateTime;

use super::records::{Did, Found, Recorded};
use crate::account::{AccessOptions, HISTORY_ATTEMPTS};
use crate::console::complain;

/// Where the records say that they are from.
const FILE: &str = "history";
/// Where what has no Region is logged, and the global endpoint of STS.
const GLOBAL_REGION: &str = "us-east-1";
/// Pages of each answer: five seconds. What is read from all day has more, and few of them matter.
const MOST_PAGES: usize = 10;

/// A history that is asked.
pub(super) struct History {
    history: LookupEvents,
    regions: Vec<String>,
    now: OffsetDateTime,
}

impl History {
    /// Asks what names the resource; of these records, `found` takes what matters.
    pub(super) async fn ask(
        access: &AccessOptions,
        arn: &Arn,
        found: &mut Found<'_>,
    ) -> Result<Self, String> {
        let (aws, home, account) = access.connect_to_account().await?;
        if !arn.account().is_empty() && account != arn.account() {
            return Err(format!(
                "these credentials are of account {account}, and it is of {}",
                arn.account()
            ));
        }
        let history = Self {
            history: LookupEvents::new(&aws, HISTORY_ATTEMPTS),
            regions: regions(arn, home),
            now: OffsetDateTime::now_utc(),
        };
        let names = BTreeSet::from([arn.id(), arn.as_str(), after_type(arn)]);
        for region in &history.regions {
            for name in &names {
                for record in history.all(region, name).await? {
                    if let Ok(event) = Event::from_text(&record) {
                        found.take(FILE.to_owned(), event);
                    }
                }
            }
        }
        Ok(history)
    }

    /// Finds the session that made the last creation.
    pub(super) async fn find_session(&self, recorded: &mut [Recorded]) -> Result<(), String> {
        let creates = |one: &&mut Recorded| matches!(one.did, Did::Created | Did::CreatedOrFound);
        let Some(last) = recorded.iter_mut().rev().find(creates) else { return Ok(()) };
        let Some(wanted) = wanted(&last.event) else { return Ok(()) };
        let is_global = partition_of(&wanted.region) == "aws";
        let regions = [Some(wanted.region.as_str()), Some(GLOBAL_REGION).filter(|_| is_global)];
        let regions: BTreeSet<&str> = regions.into_iter().flatten().collect();
        let mut all = Vec::new();
        for region in regions {
            let (from, to) = wanted.window();
            let asked =
                Asked { attribute: "ResourceName", value: wanted.resource_name().to_owned(), from, to };
            all.extend(self.pages(region, &asked).await?);
        }
        let events = all.iter().filter_map(|record| Event::from_text(record).ok());
        let began = events.filter(|event| kind_of(event) == Some(Kind::Session));
        let mut meant = began.filter(|event| Session::of(event).is_ok_and(|session| wanted.may_be(&session)));
        // Of two in one second nobody knows which it is.
        let (first, other) = (meant.next(), meant.next());
        last.session = first.filter(|_| other.is_none());
        Ok(())
    }

    async fn all(&self, region: &str, name: &str) -> Result<Vec<String>, String> {
        let (from, to) = (self.now.saturating_sub(KEPT_FOR), self.now);
        let asked = Asked { attribute: "ResourceName", value: name.to_owned(), from, to };
        self.pages(region, &asked).await
    }

    async fn pages(&self, region: &str, asked: &Asked) -> Result<Vec<String>, String> {
        let (mut all, mut next) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let page = self.history.page(region, asked, next.as_deref()).await;
            let page = page.map_err(|error| cannot(region, &error))?;
            all.extend(page.records);
            next = page.next;
            if next.is_none() {
                return Ok(all);
            }
        }
        let count = all.len();
        complain(&format!(
            "{region}: more than {count} records name `{}`: older ones are missing",
            asked.value
        ));
        Ok(all)
    }
}

fn cannot(region: &str, error: &Error) -> String {
    let hint = match error.is_denied() {
        true => "; allow yourself cloudtrail:LookupEvents",
        false => AccessOptions::hint(error),
    };
    format!("{region}: cannot ask CloudTrail's history: {error}{hint}")
}

/// The Regions in which its records may be: without one in its ARN it is logged in one for all, or, as a bucket, where it
/// is, which may be the configuration's.
fn regions(arn: &Arn, home: String) -> Vec<String> {
    let global = Some(GLOBAL_REGION.to_owned()).filter(|_| arn.partition() == "aws");
    match (arn.region(), arn.service()) {
        ("" | "global", "s3") => BTreeSet::from_iter([home].into_iter().chain(global)).into_iter().collect(),
        ("" | "global", _) => vec![global.unwrap_or(home)],
        (region, _) => vec![region.to_owned()],
    }
}

/// `/aws/lambda/f` of `log-group:/aws/lambda/f`.
fn after_type(arn: &Arn) -> &str {
    arn.resource().split_once([':', '/']).map_or(arn.resource(), |(_, name)| name)
}
