//! What a sweep needs of AWS: CloudTrail's history, arrivals in the session table, the function's own queue.

use std::time::Duration;

use aws_tags::delivery::{HISTORY, LAST_OF_ITS_NAME};
use aws_tags::history::Question;
use aws_tags::ports::Failure;
use aws_tags::sweep::{Answer, Hour, Ids, Mark, Part, SweepPorts};
use aws_tags::{Arn, Event};
use time::OffsetDateTime;

use crate::budget::Budget;
use crate::client::Aws;
use crate::error::Error;
use crate::lookup_events::{Asked, LookupEvents};
use crate::queue::Outbox;
use crate::session_table::{Arrivals, TableAddress};

/// How often a throttled call is made: what is throttled then comes again as a message.
const ATTEMPTS: u32 = 3;
/// What a page takes at most, and with it what it brought.
const FOR_A_PAGE: Duration = Duration::from_secs(6);

/// A sweep's AWS. What it asks ends within the budget.
#[derive(Debug)]
pub struct Sweeper {
    history: LookupEvents,
    arrivals: Arrivals,
    queue: Outbox,
    budget: Budget,
}

impl Sweeper {
    /// `queue` is the one that the function reads.
    pub fn new(aws: &Aws, table: TableAddress, queue: Arn) -> Self {
        Self {
            history: LookupEvents::new(aws, ATTEMPTS),
            arrivals: Arrivals::new(aws, table),
            queue: Outbox::new(aws, queue),
            budget: aws.budget().clone(),
        }
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        self.budget.ask(async { call.await.map_err(Failure::from) }).await
    }
}

impl SweepPorts for Sweeper {
    async fn page(&self, part: &Part) -> Result<Answer, Failure> {
        let asked = Asked { attribute: "ReadOnly", value: "false".to_owned(), from: part.from, to: part.to };
        let page = self.budget.ask(async {
            match self.history.page(&part.region, &asked, part.token.as_deref()).await {
                Ok(page) => Ok(Answer::Page { records: page.records, next: page.next }),
                Err(error) if part.token.is_some() && error.is_old_token() => Ok(Answer::OldToken),
                Err(error) => Err(error.into()),
            }
        });
        page.await
    }

    async fn history(&self, question: &Question) -> Result<Vec<Event>, Failure> {
        let asked = Asked {
            attribute: "EventName",
            value: question.event_name.clone(),
            from: question.since,
            to: OffsetDateTime::now_utc(),
        };
        let records = self.within(self.history.all(&question.region, &asked, |_| ())).await?;
        Ok(records.iter().filter_map(|record| Event::from_text(record).ok()).collect())
    }

    async fn arrived(&self, hour: Hour) -> Result<Ids, Failure> {
        self.within(self.arrivals.of(hour)).await
    }

    async fn note(&self, hour: Hour, ids: &Ids) -> Result<(), Failure> {
        self.within(self.arrivals.note(hour, ids)).await
    }

    async fn mark(&self) -> Result<Option<Mark>, Failure> {
        self.within(self.arrivals.mark()).await
    }

    async fn set_mark(&self, mark: Mark) -> Result<(), Failure> {
        self.within(self.arrivals.set_mark(mark)).await
    }

    async fn send(&self, body: &str, is_last_of_its_name: bool) -> Result<(), Failure> {
        let said = is_last_of_its_name.then_some((HISTORY, LAST_OF_ITS_NAME));
        self.budget.end(async { self.queue.send(body, said.as_slice()).await.map_err(Failure::from) }).await
    }

    fn has_time(&self) -> bool {
        self.budget.leaves_for_asking(FOR_A_PAGE)
    }
}
