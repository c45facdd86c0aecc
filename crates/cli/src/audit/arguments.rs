//! What the arguments of an audit mean: looked at before anybody is asked.

use std::str::FromStr;

use aws_tags::audit::Tally;
use aws_tags::table;

/// A service, by its name in ARNs.
pub(super) fn service(name: &str) -> Result<String, String> {
    match table::is_service(name) {
        true => Ok(name.to_owned()),
        false => {
            Err("expected a service's name in ARNs, e.g. `sqs`: `aws-tags services` lists what is supported"
                .to_owned())
        }
    }
}

/// `eu-west-1`, `us-gov-west-1`, or `all`. Others have no address: they would be asked until time is up.
pub(super) fn region(name: &str) -> Result<String, String> {
    let mut parts = name.rsplit('-');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_region = parts.next().is_some_and(is_number) && parts.clone().count() >= 2 && parts.all(is_word);
    match is_region || name == "all" {
        true => Ok(name.to_owned()),
        false => Err("expected a Region such as `eu-west-1`, or `all`".to_owned()),
    }
}

/// A percentage, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Percent(u64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected a percentage from 0% to 100% with up to two decimals, found `{text}`");
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || whole.len() > 3 || decimals.len() > 2 {
            return Err(wrong());
        }
        let hundredths: u64 = format!("{whole}{decimals:0<2}").parse().map_err(|_| wrong())?;
        if hundredths > 10_000 { Err(wrong()) } else { Ok(Self(hundredths)) }
    }
}

impl Percent {
    /// Whether the coverage reaches it. Where there is nothing, there is none.
    pub(super) fn is_reached_by(self, tally: &Tally) -> bool {
        let is_any = tally.all() > 0 || self.0 == 0;
        is_any
            && u128::from(tally.covered()).saturating_mul(10_000)
                >= u128::from(self.0).saturating_mul(u128::from(tally.all()))
    }

    pub(super) fn text(self) -> String {
        let (whole, decimals) = (self.0 / 100, self.0 % 100);
        let decimals = if decimals == 0 {
            String::new()
        } else {
            format!(".{decimals:02}").trim_end_matches('0').to_owned()
        };
        format!("{whole}{decimals} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_tags::audit::State;

    #[test]
    fn a_percentage_has_up_to_two_decimals() {
        let percent = |text: &str| text.parse::<Percent>().map(|percent| percent.0);
        for (text, hundredths) in
            [("95%", 9_500), ("95", 9_500), ("99.5%", 9_950), ("99.95 %", 9_995), ("0%", 0), ("100%", 10_000)]
        {
            assert_eq!(percent(text), Ok(hundredths), "{text}");
        }
        for text in ["", "%", "101%", "-1%", "1e2", "99.999%", "all", "95%%", "1000"] {
            assert!(percent(text).is_err(), "{text}");
        }
        let text = |text: &str| text.parse::<Percent>().map(Percent::text);
        assert_eq!(text("99.50%").as_deref(), Ok("99.5 %"));
        assert_eq!(text("95%").as_deref(), Ok("95 %"));
    }

    #[test]
    fn coverage_is_compared_exactly() {
        let mut tally = Tally::default();
        (0..1999).for_each(|_| tally.add(State::Ours));
        tally.add(State::Incomplete);
        let reached = |text: &str| text.parse::<Percent>().map(|percent| percent.is_reached_by(&tally));
        assert_eq!((reached("99.95%"), reached("99.96%"), reached("100%")), (Ok(true), Ok(false), Ok(false)));
        let none = Tally::default();
        assert!(!Percent(10_000).is_reached_by(&none) && !Percent(1).is_reached_by(&none));
        assert!(Percent(0).is_reached_by(&none));
    }

    #[test]
    fn regions_and_services_are_looked_at_before_anybody_is_asked() {
        for name in
            ["eu-west-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-12", "all"]
        {
            assert_eq!(region(name).as_deref(), Ok(name));
        }
        for name in [
            "",
            " eu-west-1",
            "eu-west",
            "eu-west-",
            "EU-WEST-1",
            "eu-west-1a",
            "west-1",
            "-west-1",
            "Ireland",
            "eu--1",
        ] {
            assert!(region(name).is_err(), "{name}");
        }
        for name in ["sqs", "ec2", "elasticloadbalancing", "apigateway", "iam", "s3", "cloudformation"] {
            assert_eq!(service(name).as_deref(), Ok(name));
        }
        for name in ["", "nosuch", "sqs:queue", "SQS"] {
            assert!(service(name).is_err(), "{name}");
        }
    }
}
