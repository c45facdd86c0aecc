//! The questions about some types, and what their answers tell together.

use aws_tags::probing::{Invented, Location, Observed, OwnAnswer, ProbedType, TaggingApiAnswer};
use aws_tags::record::partition_of;
use aws_tags_aws::{Error, OwnReply, Prober, TaggingApiReply};
use futures_util::future::try_join_all;

use super::inquiry::Inquiry;

/// Whom it asks, and where.
pub(super) struct Asker {
    pub(super) prober: Prober,
    pub(super) account: String,
    pub(super) region: String,
}

/// What was found of a type.
pub(super) struct Found {
    pub(super) probed: ProbedType,
    /// Invented resources that took the tag, although they do not exist.
    pub(super) tagged: Vec<String>,
}

/// A type that is being asked about.
struct Trial<'a> {
    inquiry: &'a Inquiry,
    /// The same resource in all spellings.
    invented: Vec<Invented>,
    /// The spelling that is tried.
    nth: usize,
    read: Option<OwnReply>,
    tag: Option<OwnReply>,
    tagging_api: Option<TaggingApiReply>,
}

impl Asker {
    /// Asks about types of one Region. The services' own operations come first: one that looks for a
    /// resource and does not find it has read its ARN, so that a tagging API that blames the ARN does not
    /// know the type.
    pub(super) async fn ask(&self, inquiries: &[Inquiry]) -> Result<Vec<Found>, Error> {
        let trials = inquiries.iter().map(|inquiry| self.ask_service(inquiry));
        let mut trials = try_join_all(trials).await?;
        self.ask_tagging_api(&mut trials).await?;
        Ok(trials.into_iter().map(Trial::found).collect())
    }

    /// What a type would be asked about.
    pub(super) fn invented(&self, inquiry: &Inquiry) -> Vec<Invented> {
        let region = self.region_of(inquiry);
        let partition = partition_of(region);
        inquiry.invented(Location { partition, region, account: &self.account })
    }

    /// Where a type is asked about.
    pub(super) fn region_of(&self, inquiry: &Inquiry) -> &str {
        match (inquiry.is_global(), partition_of(&self.region)) {
            (true, "aws") => "us-east-1",
            (true, "aws-us-gov") => "us-gov-west-1",
            _ => &self.region,
        }
    }

    /// The service's own operations, in the first spelling that they do not blame.
    async fn ask_service<'a>(&self, inquiry: &'a Inquiry) -> Result<Trial<'a>, Error> {
        let region = self.region_of(inquiry);
        let invented = self.invented(inquiry);
        let mut trial = Trial { inquiry, invented, nth: 0, read: None, tag: None, tagging_api: None };
        for (nth, invented) in trial.invented.iter().enumerate() {
            let read = match inquiry.read {
                Some(read) => self.prober.read(read, region, invented).await?,
                None => None,
            };
            let tag = match inquiry.tag {
                Some(tag) => self.prober.tag(tag, region, invented).await?,
                None => None,
            };
            let blames_the_arn = [&read, &tag].into_iter().flatten().any(is_malformed);
            if nth == 0 || !blames_the_arn {
                (trial.nth, trial.read, trial.tag) = (nth, read, tag);
            }
            if !blames_the_arn {
                break;
            }
        }
        Ok(trial)
    }

    /// `TagResources` about all, and again about those whose ARNs it blames, in another spelling.
    async fn ask_tagging_api(&self, trials: &mut [Trial<'_>]) -> Result<(), Error> {
        let Some(region) = trials.first().map(|trial| self.region_of(trial.inquiry)) else { return Ok(()) };
        let mut open: Vec<&mut Trial<'_>> =
            trials.iter_mut().filter(|trial| !trial.invented.is_empty()).collect();
        while !open.is_empty() {
            let asked: Vec<Invented> =
                open.iter().filter_map(|trial| trial.invented.get(trial.nth).cloned()).collect();
            let replies = self.prober.tag_resources(region, &asked).await?;
            let mut again = Vec::new();
            for (trial, reply) in open.into_iter().zip(replies) {
                if trial.take(reply) {
                    again.push(trial);
                }
            }
            open = again;
        }
        Ok(())
    }
}

impl Trial<'_> {
    /// Keeps a reply of the tagging API; whether another spelling may get a better one.
    fn take(&mut self, reply: Option<TaggingApiReply>) -> bool {
        let Some(mut reply) = reply else { return false };
        let blames_the_arn = reply.blames_the_arn;
        if blames_the_arn && self.is_well_formed() {
            reply.observed.answer = TaggingApiAnswer::Refused;
        }
        let is_final = !blames_the_arn || self.is_well_formed();
        self.tagging_api = Some(reply);
        self.nth += usize::from(!is_final);
        !is_final && self.nth < self.invented.len()
    }

    /// Whether the service has looked for the resource, and so knows such ARNs.
    fn is_well_formed(&self) -> bool {
        [&self.read, &self.tag].into_iter().flatten().any(|reply| reply.knows_the_form)
    }

    fn found(self) -> Found {
        let own = |reply: Option<OwnReply>| reply.map(|reply| reply.observed);
        let took =
            |done: bool, nth: usize| self.invented.get(nth).filter(|_| done).map(|one| one.arn.to_string());
        let by_own = self.tag.as_ref().is_some_and(|reply| reply.done);
        let by_tagging_api = self.tagging_api.as_ref().is_some_and(|reply| reply.done);
        let tagged = took(by_own || by_tagging_api, self.nth).into_iter().collect();
        let not_probed = self.invented.is_empty().then(|| self.inquiry.why_not().to_owned());
        let tag_resources: Option<Observed<TaggingApiAnswer>> = self.tagging_api.map(|reply| reply.observed);
        let probed = ProbedType {
            resource_type: self.inquiry.resource_type.to_owned(),
            tag_resources,
            read: own(self.read),
            tag: own(self.tag),
            not_probed,
        };
        Found { probed, tagged }
    }
}

fn is_malformed(reply: &OwnReply) -> bool {
    reply.observed.answer == OwnAnswer::Malformed
}
