//! Rules of the default event bus, to which AWS sends its events.

use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// `ENABLED`, `DISABLED` or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
    pub(crate) state: String,
    /// The event pattern as JSON; empty for a schedule.
    pub(crate) pattern: String,
    /// Where it sends events.
    pub(crate) targets: Vec<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The target that gets the events.
    pub(crate) arn: String,
    /// ARN of the queue for events that could not be delivered.
    pub(crate) dead_letter_queue: Option<String>,
}

impl RegionalClients {
    /// The rules whose name and pattern are wanted, with their targets.
    pub(crate) async fn rules(&self, wanted: impl Fn(&str, &str) -> bool) -> Result<Vec<Rule>, Error> {
        let mut rules = Vec::new();
        let mut token = None;
        loop {
            let page = self.eventbridge.list_rules().set_next_token(token).send().await?;
            for rule in page.rules.unwrap_or_default() {
                let (name, pattern) =
                    (rule.name().unwrap_or_default(), rule.event_pattern().unwrap_or_default());
                if wanted(name, pattern) {
                    rules.push(Rule {
                        name: name.to_owned(),
                        state: rule.state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
                        pattern: pattern.to_owned(),
                        targets: self.targets(name).await?,
                    });
                }
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(rules);
            }
        }
    }

    /// By default a rule has at most five targets; one page holds 100.
    async fn targets(&self, rule: &str) -> Result<Vec<Target>, Error> {
        let targets = self.eventbridge.list_targets_by_rule().rule(rule).send().await?.targets;
        let target = |target: aws_sdk_eventbridge::types::Target| Target {
            arn: target.arn,
            dead_letter_queue: target.dead_letter_config.and_then(|config| config.arn),
        };
        Ok(targets.unwrap_or_default().into_iter().map(target).collect())
    }
}
