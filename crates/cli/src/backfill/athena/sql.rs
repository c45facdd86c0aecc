//! The definition of the table over a trail, and the query of a month.

use std::collections::BTreeSet;
use std::fmt::Write;

use aws_tags::backfill::relevance::{ENDINGS, creating_calls, deploys, sessions};
use aws_tags::identity::STS;
use aws_tags::record::timestamp;
use aws_tags::stacks::CLOUDFORMATION;
use aws_tags::table;
use time::Date;

use super::{Query, Span};

/// Columns, and the types of those that are no texts. What is not declared is lost, and AWS's own definition leaves some
/// out: `sourceidentity`, and where a session came from.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
const COLUMNS: &[(&str, &str)] = &[
    ("eventversion", "string"),
    ("useridentity", USER_IDENTITY),
    ("eventtime", "string"),
    ("eventsource", "string"),
    ("eventname", "string"),
    ("awsregion", "string"),
    ("sourceipaddress", "string"),
    ("useragent", "string"),
    ("errorcode", "string"),
    ("errormessage", "string"),
    ("requestparameters", "string"),
    ("responseelements", "string"),
    ("additionaleventdata", "string"),
    ("requestid", "string"),
    ("eventid", "string"),
    ("readonly", "string"),
    ("eventtype", "string"),
    ("apiversion", "string"),
    ("managementevent", "string"),
    ("recipientaccountid", "string"),
    ("sharedeventid", "string"),
    ("vpcendpointid", "string"),
    ("vpcendpointaccountid", "string"),
    ("eventcategory", "string"),
    ("sessioncredentialfromconsole", "string"),
    ("serviceeventdetails", "string"),
    ("edgedevicedetails", "string"),
    ("addendum", "string"),
    ("resources", "array<struct<arn:string,arnprefix:string,accountid:string,type:string>>"),
    (
        "tlsdetails",
        "struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string,keyexchange:string>",
    ),
];

const USER_IDENTITY: &str = "struct<type:string,principalid:string,arn:string,accountid:string,invokedby:string,\
accesskeyid:string,username:string,identityprovider:string,credentialid:string,\
onbehalfof:struct<userid:string,identitystorearn:string>,\
inscopeof:struct<sourcearn:string,sourceaccount:string,issuertype:string,credentialsissuedto:string>,\
sessioncontext:struct<attributes:struct<mfaauthenticated:string,creationdate:string>,sourceidentity:string,\
ec2roledelivery:string,assumedroot:string,signinsessionarn:string,\
webidfederationdata:struct<federatedprovider:string,attributes:map<string,string>>,\
sessionissuer:struct<type:string,principalid:string,arn:string,accountid:string,username:string>>>";

/// Columns that may hold a session's token.
const WITH_TOKENS: &[&str] = &["requestparameters", "responseelements"];

/// A name that ends in the date of its API: what is before it. As [`table::rows`] takes names.
const DATED: &str = "^(.*[^0-9_])_*([0-9]_*){7}[0-9](v[0-9]+)?$";

/// The definition of the table.
pub(super) fn table(query: &Query<'_>) -> String {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("  {name} {kind}")).collect();
    let first = day(query.since.date());
    let last = day(query.until.saturating_add(super::DELIVERED_WITHIN).date());
    let (logs, accounts, regions) = (&query.logs, query.accounts.join(","), query.regions.join(","));
    format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS {} (\n{})
PARTITIONED BY (account string, region string, day string)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
  OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{logs}/'
TBLPROPERTIES ('projection.enabled'='true',
  'projection.account.type'='enum', 'projection.account.values'='{accounts}',
  'projection.region.type'='enum', 'projection.region.values'='{regions}',
  'projection.day.type'='date', 'projection.day.format'='yyyy/MM/dd', 'projection.day.range'='{first},{last}',
  'projection.day.interval'='1', 'projection.day.interval.unit'='DAYS',
  'storage.location.template'='{logs}/${{account}}/CloudTrail/${{region}}/${{day}}')",
        query.table,
        columns.join(",\n")
    )
}

/// The query of a span of time: what of it matters, each record once.
pub(super) fn unload(query: &Query<'_>, span: Span) -> String {
    let (first, last) = span.days();
    let (first, last) = (day(first), day(last));
    let (from, to) = (timestamp::format(span.from), timestamp::format(span.to));
    let calls = creating_calls().map(|(source, name)| format!("{source} {name}"));
    let sources: BTreeSet<&str> = table::all().map(|service| service.name).collect();
    let sources = sources.into_iter().map(str::to_owned);
    let (starts, deploys) = (sessions().map(str::to_owned), deploys().map(str::to_owned));
    let columns: Vec<String> = COLUMNS.iter().map(|(name, _)| column(name)).collect();
    format!(
        "UNLOAD (
WITH named AS (
  SELECT *, regexp_extract(eventsource, '^(.*)\\.amazonaws\\.com(\\.cn)?$', 1) AS source,
    coalesce(nullif(regexp_extract(eventname, '{DATED}', 1), ''), eventname) AS call
  FROM {}
  WHERE account IN ({}) AND region IN ({}) AND day BETWEEN '{first}' AND '{last}'
    AND eventtime BETWEEN '{from}' AND '{to}'
    AND coalesce(errorcode, '') = ''
    AND coalesce(nullif(eventcategory, ''), 'Management') IN ('Management', 'Data')),
kept AS (
  SELECT *, row_number() OVER (PARTITION BY eventid ORDER BY eventtime) AS copy
  FROM named
  WHERE (eventsource = '{STS}' AND eventname IN ({}))
    OR (eventsource <> '{STS}' AND concat(source, ' ', call) IN ({}))
    OR (eventsource = '{CLOUDFORMATION}' AND eventname IN ({}))
    OR (eventsource <> '{STS}' AND coalesce(readonly, '') <> 'true'
      AND regexp_like(eventname, '^({})') AND source IN ({})))
SELECT {}
FROM kept
WHERE copy = 1 OR eventid IS NULL)
TO '{}/{}/' WITH (format = 'JSON', compression = 'gzip')",
        query.table,
        list(query.accounts.iter().cloned()),
        list(query.regions.iter().cloned()),
        list(starts),
        list(calls),
        list(deploys),
        ENDINGS.join("|"),
        list(sources),
        columns.join(", "),
        query.to,
        timestamp::format(span.from).get(..7).unwrap_or_default(),
    )
}

fn column(name: &str) -> String {
    match WITH_TOKENS.contains(&name) {
        true => format!(
            "regexp_replace({name}, '(?i)\"sessiontoken\"\\s*:\\s*\"[^\"]*\"', '\"sessionToken\":\"\"') AS {name}"
        ),
        false => name.to_owned(),
    }
}

/// Texts as SQL has them.
fn list(texts: impl Iterator<Item = String>) -> String {
    let mut list = String::new();
    for text in texts {
        let comma = if list.is_empty() { "" } else { "," };
        let _ = write!(list, "{comma}'{}'", text.replace('\'', "''"));
    }
    list
}

fn day(day: Date) -> String {
    format!("{:04}/{:02}/{:02}", day.year(), u8::from(day.month()), day.day())
}
