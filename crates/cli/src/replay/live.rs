//! `replay --live` and `replay --apply`: what the functions would do, or do, in this account now.

use std::io::{self, Write};

use aws_tags::deployment::resource_names::SESSION_TABLE;
use aws_tags::identity::SessionKey;
use aws_tags::ports::offline::MemorySessions;
use aws_tags::ports::{Batch, Failure, FailureKind, Ports, SessionStore, Tagger};
use aws_tags::stacks::{Deploy, Shelf};
use aws_tags::table::{Read, Resource, Route};
use aws_tags::tags::TagMap;
use aws_tags::{Session, Settings};
use aws_tags_aws::{AwsLookups, AwsTagger, IamTags, SessionTable, TableAddress};
use time::OffsetDateTime;

use super::report::Report;
use super::{Asked, Options, replay as replay_with};
use crate::console::{End, bad_input, complain};

/// Replays with what AWS says.
pub(super) async fn replay(options: &Options, settings: &Settings, out: &mut impl Write) -> io::Result<End> {
    let (aws, _) = match options.access.connect().await {
        Ok(found) => found,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let scope = match aws.scope().await {
        Ok(scope) => scope,
        Err(error) => return Ok(bad_input(&options.access.cannot_ask(&aws, &error))),
    };
    let memory = MemorySessions::default();
    let table = match session_table(&aws).await {
        Ok(table) => table,
        Err(reason) => {
            complain(&format!("{reason}: only sessions of the replayed records are known"));
            None
        }
    };
    let ports = Ports {
        sessions: Sessions { replayed: &memory, table },
        principal_tags: IamTags::new(&aws),
        lookups: AwsLookups::new(&aws),
        tagger: Pen { tagger: AwsTagger::new(&aws, settings.at_launch), writes: options.apply },
    };
    let asked = if options.apply { Asked::AwsAndWritten } else { Asked::Aws };
    let report = Report::new(out, options.json, options.detail, asked, settings);
    replay_with(options, &memory, &ports, settings, scope, |_| OffsetDateTime::now_utc(), report).await
}

/// The session table that `SESSION_TABLE` names, or that of a deployment in this Region. Whether it is there, the
/// first question shows.
async fn session_table(aws: &aws_tags_aws::Aws) -> Result<Option<SessionTable>, String> {
    let named = std::env::var("SESSION_TABLE").unwrap_or_default();
    let name = if named.is_empty() { SESSION_TABLE.0 } else { &named };
    let Some(address) = TableAddress::parse(name) else {
        return Err(format!("SESSION_TABLE is `{name}`, allowed: the name or ARN of a DynamoDB table"));
    };
    let table = SessionTable::new(aws, address);
    let nobody = SessionKey {
        account: String::new(),
        id: "#nobody".to_owned(),
        created: None,
        access_key_id: None,
        signed_in: false,
        issuer: None,
    };
    let at = OffsetDateTime::UNIX_EPOCH;
    match table.find(&nobody, (at, at)).await {
        Ok(_) => Ok(Some(table)),
        Err(failure) if failure.kind == FailureKind::NotFound => Err(format!("there is no table `{name}`")),
        Err(failure) => Err(format!("table `{name}`: {failure}")),
    }
}

/// Sessions and deploys of the replayed records, and those that the functions stored.
struct Sessions<'a> {
    replayed: &'a MemorySessions,
    table: Option<SessionTable>,
}

impl SessionStore for Sessions<'_> {
    async fn put(&self, session: &Session) -> Result<(), Failure> {
        self.replayed.put(session).await
    }

    async fn find(
        &self,
        key: &SessionKey,
        window: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Failure> {
        let mut found = self.replayed.find(key, window).await?;
        let Some(table) = &self.table else { return Ok(found) };
        for stored in table.find(key, window).await? {
            if !found.iter().any(|session| session.access_key_id == stored.access_key_id) {
                found.push(stored);
            }
        }
        Ok(found)
    }

    async fn beat(&self, _: &str, _: OffsetDateTime) -> Result<(), Failure> {
        Ok(())
    }

    async fn recorded_until(&self) -> Result<Option<OffsetDateTime>, Failure> {
        Ok(None)
    }

    async fn remember(&self, deploy: &Deploy) -> Result<(), Failure> {
        self.replayed.remember(deploy).await
    }

    async fn deploys(
        &self,
        shelf: &Shelf,
        window: (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> Result<Vec<Deploy>, Failure> {
        let mut found = self.replayed.deploys(shelf, window, most).await?;
        if let Some(table) = &self.table {
            let stored = table.deploys(shelf, window, most).await?;
            found.extend(
                stored
                    .into_iter()
                    .filter(|one| !found.iter().any(|other| other.event_id == one.event_id))
                    .collect::<Vec<_>>(),
            );
        }
        found.sort_by_key(|deploy| std::cmp::Reverse(deploy.at));
        found.truncate(most);
        Ok(found)
    }
}

/// Tags, or only says that it would.
struct Pen {
    tagger: AwsTagger,
    writes: bool,
}

impl Tagger for Pen {
    async fn tag(&self, batch: &Batch) -> Vec<Result<Route, Failure>> {
        match self.writes {
            true => self.tagger.tag(batch).await,
            false => vec![Ok(batch.route); batch.resources.len()],
        }
    }

    async fn read(&self, read: Read, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        self.tagger.read(read, region, resources).await
    }

    async fn parent_tags(&self, parent: &Resource) -> Result<Option<TagMap>, Failure> {
        self.tagger.parent_tags(parent).await
    }

    async fn creation_time(&self, resource: &Resource) -> Result<Option<OffsetDateTime>, Failure> {
        self.tagger.creation_time(resource).await
    }
}
