//! Settings: what the functions and the command line read from environment variables, checked
//! once at the start.

use std::ffi::OsString;
use std::fmt;

use wildmatch::WildMatch;

use crate::record::{Piece, pieces};
use crate::table::{self, operation::AtLaunch};
use crate::tags::{Appearance, KEY_LENGTH, SkipMark, Tag, VALUE_LENGTH, is_allowed, starts_reserved};

/// One environment variable, as the README and `--help` describe it.
#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    pub default: &'static str,
    /// What it may be, in words.
    pub allowed: &'static str,
    /// What it does, in words.
    pub effect: &'static str,
}

const KEY: &str =
    "a tag key: up to 128 letters, digits, spaces and `_.:/=+-@`, that does not begin with `aws:`";
const OWNER: Setting = Setting {
    name: "OWNER",
    default: "principal-arn",
    allowed: "`principal-arn`, `session-name`, `user-name`, `role-name`, `source-identity`, `subject`, `origin` or `session-tag:KEY`, or several, separated by commas",
    effect: "What the owner tag says: the first of these forms that the principal has, else one that it cannot choose: the IAM user's name, or its ARN. `subject` is whom an identity provider names; `origin`, who stands at the head of a chain of roles. Where the session's record decides, the owner waits for it.",
};
const OWNER_TAG: Setting =
    Setting { name: "OWNER_TAG", default: "Owner", allowed: KEY, effect: "Key of the owner tag." };
const PRINCIPAL_ID_TAG: Setting = Setting {
    name: "PRINCIPAL_ID_TAG",
    default: "PrincipalId",
    allowed: "a tag key, as above, or empty for no such tag",
    effect: "Key of the tag that holds the caller's unique id, e.g. `AROA…:session`.",
};
const EXTRA_TAGS: Setting = Setting {
    name: "EXTRA_TAGS",
    default: "",
    allowed: "`Key=text ${path.in.the.record}`, separated by commas; of a session `${session.F}`, where F is `subject`, `assumedBy`, `sourceIdentity`, `onBehalfOf`, `origin` or `tags.KEY`",
    effect: "Further tags, e.g. `CreatedAt=${eventTime}`. What `${session.…}` says comes from the session's record, and the tag waits for it. A tag is left out where a variable is missing.",
};
const INHERIT: Setting = Setting {
    name: "INHERIT",
    default: "*",
    allowed: "patterns with `*` and `?`, separated by commas",
    effect: "Which IAM and session tag keys are inherited; case-insensitive.",
};
const DO_NOT_INHERIT: Setting = Setting {
    name: "DO_NOT_INHERIT",
    default: "",
    allowed: "patterns with `*` and `?`, separated by commas",
    effect: "Which of those are not.",
};
const EXISTING_TAGS: Setting = Setting {
    name: "EXISTING_TAGS",
    default: "keep",
    allowed: "`keep` or `overwrite`",
    effect: "What happens to a tag that the resource has already, whoever set it: it stays, or gets the planned value. Either way, nothing is written to what may be another's resource.",
};
const EXCLUDED_PRINCIPALS: Setting = Setting {
    name: "EXCLUDED_PRINCIPALS",
    default: "",
    allowed: "patterns with `*` and `?` on ARNs, separated by commas",
    effect: "Whose resources are left alone. A session matches by its own ARN or its role's. The function's own role is always excluded.",
};
const SKIP_TAG: Setting = Setting {
    name: "SKIP_TAG",
    default: "aws-tags:ignore",
    allowed: "`KEY` for any value, or `KEY=value`, where KEY is a tag key, as above, without `=`; or empty for none",
    effect: "The skip mark: whatever carries this tag is left alone: the caller's role or user, its session, the request, or the resource. It is never inherited.",
};
const SERVICE_CREATED: Setting = Setting {
    name: "SERVICE_CREATED",
    default: "parent",
    allowed: "`parent`, `service` or `skip`",
    effect: "What AWS services create on their own gets the tags that aws-tags gave to what it was created for, such as an Auto Scaling group, and where that is not known, the service as owner and no other tag; gets the service as owner in any case; or is skipped.",
};
const ALSO_TAG: Setting = Setting {
    name: "ALSO_TAG",
    default: "",
    allowed: "patterns with `*` and `?` on types that are left alone by default, separated by commas",
    effect: "Which of those types are tagged all the same, e.g. `s3:object,ecs:task`. `aws-tags services` lists them with the reason.",
};
const PROPAGATE_AT_LAUNCH: Setting = Setting {
    name: "PROPAGATE_AT_LAUNCH",
    default: "off",
    allowed: "`off` or `on`",
    effect: "Whether the instances that an Auto Scaling group launches later get the group's new tags from Auto Scaling, too, even in place of those of its launch template. Their volumes do not.",
};
const LOG_VALUES: Setting = Setting {
    name: "LOG_VALUES",
    default: "hide",
    allowed: "`hide` or `show`",
    effect: "Whether the log has the values of tags, or only their keys and where they come from.",
};

const MONITORING: Setting = Setting {
    name: "MONITORING",
    default: "minimal",
    allowed: "`minimal` or `full`",
    effect: "Which metrics there are: those that alarms of that name watch, where they are not zero; or all, zeros included, and by service.",
};

/// Every setting of the tag-handler.
pub const SETTINGS: &[Setting] = &[
    OWNER,
    OWNER_TAG,
    PRINCIPAL_ID_TAG,
    EXTRA_TAGS,
    INHERIT,
    DO_NOT_INHERIT,
    EXISTING_TAGS,
    EXCLUDED_PRINCIPALS,
    SKIP_TAG,
    SERVICE_CREATED,
    ALSO_TAG,
    PROPAGATE_AT_LAUNCH,
    LOG_VALUES,
    MONITORING,
];

/// What the owner tag holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnerForm {
    /// ARN of the session or user.
    PrincipalArn,
    /// Name that the session was started with.
    SessionName,
    /// Name of the IAM user.
    UserName,
    /// Name of the role.
    RoleName,
    /// Source identity of the session.
    SourceIdentity,
    /// A fact of the session.
    Session(SessionFact),
}

/// What the record of a session's start tells, or those of the chain before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionFact {
    /// Whom the identity provider named.
    Subject,
    /// Who started it.
    AssumedBy,
    /// The source identity that was set then.
    SourceIdentity,
    /// The Identity Center user for whom it was started.
    OnBehalfOf,
    /// Who stands at the head of the chain.
    Origin,
    /// The session's tag of this key, in any case of letters.
    Tag(String),
}

impl SessionFact {
    /// The fact of a variable's name: what follows `session.` in `${session.subject}`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "subject" => Self::Subject,
            "assumedBy" => Self::AssumedBy,
            "sourceIdentity" => Self::SourceIdentity,
            "onBehalfOf" => Self::OnBehalfOf,
            "origin" => Self::Origin,
            _ => Self::Tag(name.strip_prefix("tags.").filter(|key| is_key(key))?.to_owned()),
        })
    }
}

/// What a variable of a session begins with.
pub(crate) const SESSION_VARIABLE: &str = "session.";

/// What comes before the key of a session tag.
const SESSION_TAG: &str = "session-tag:";

const OWNER_FORMS: &[(&str, OwnerForm)] = &[
    ("principal-arn", OwnerForm::PrincipalArn),
    ("session-name", OwnerForm::SessionName),
    ("user-name", OwnerForm::UserName),
    ("role-name", OwnerForm::RoleName),
    ("source-identity", OwnerForm::SourceIdentity),
    ("subject", OwnerForm::Session(SessionFact::Subject)),
    ("origin", OwnerForm::Session(SessionFact::Origin)),
];

/// How much is measured: each metric is paid for in every hour in which it is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Monitoring {
    /// What tells that something is lost, stuck or silent.
    #[default]
    Minimal,
    /// Everything.
    Full,
}

const MONITORINGS: &[(&str, Monitoring)] = &[("minimal", Monitoring::Minimal), ("full", Monitoring::Full)];

impl SkipMark {
    /// Reads the setting alone, for who sees records and nothing else.
    pub fn read<V: Into<OsString>>(
        variable: impl Fn(&str) -> Option<V>,
    ) -> Result<Option<Self>, WrongSettings> {
        let mut reader = Reader { variable: |name: &str| variable(name).map(Into::into), wrong: Vec::new() };
        let mark = reader.skip_mark(&SKIP_TAG);
        reader.done(mark)
    }
}

impl Monitoring {
    /// Reads the setting alone: the session-recorder has no other of these.
    pub fn read<V: Into<OsString>>(variable: impl Fn(&str) -> Option<V>) -> Result<Self, WrongSettings> {
        let mut reader = Reader { variable: |name: &str| variable(name).map(Into::into), wrong: Vec::new() };
        let monitoring = reader.one_of(&MONITORING, MONITORINGS);
        reader.done(monitoring)
    }
}

/// What becomes of what AWS services create on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceCreated {
    /// It gets the tags of its parent, or the service as owner.
    Parent,
    /// It gets the service as owner.
    Service,
    /// It is left alone.
    Skip,
}

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the owner tag holds: the first that a principal has.
    pub(crate) owner: Vec<OwnerForm>,
    /// Key of the owner tag.
    pub owner_tag: String,
    /// Key of the tag with the principal's id.
    pub principal_id_tag: Option<String>,
    /// Keys and templates of further tags.
    pub(crate) extra_tags: Vec<(String, String)>,
    /// Whether tags that a resource has already stay as they are.
    pub(crate) keep_existing: bool,
    /// What becomes of what AWS services create on their own.
    pub(crate) service_created: ServiceCreated,
    /// Whether an Auto Scaling group's tags go on to its instances.
    pub at_launch: AtLaunch,
    /// Whether the log has the values of tags.
    pub(crate) log_values: bool,
    /// How much is measured.
    pub monitoring: Monitoring,
    /// The tag whose carriers are left alone.
    pub(crate) skip_mark: Option<SkipMark>,
    inherit: Vec<WildMatch>,
    do_not_inherit: Vec<WildMatch>,
    excluded_principals: Vec<WildMatch>,
    also_tag: Vec<WildMatch>,
    /// The keys of the tags that only this program states.
    stated: Vec<Appearance>,
}

/// Settings that cannot be used, all of them.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongSettings(pub Vec<WrongSetting>);

/// A variable, what it holds, and what is allowed.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongSetting {
    pub name: &'static str,
    /// Its value, or the part of it that is wrong.
    pub value: String,
    pub allowed: &'static str,
}

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, wrong) in self.0.iter().enumerate() {
            let separator = if nth == 0 { "" } else { "; " };
            let WrongSetting { name, value, allowed } = wrong;
            write!(f, "{separator}{name} is `{value}`, allowed: {allowed}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WrongSettings {}

impl Settings {
    /// Reads and checks all settings; `variable` gives the value of an environment variable.
    pub fn read<V: Into<OsString>>(variable: impl Fn(&str) -> Option<V>) -> Result<Self, WrongSettings> {
        let mut reader = Reader { variable: |name: &str| variable(name).map(Into::into), wrong: Vec::new() };
        let mut settings = Self {
            owner: reader.owner(&OWNER),
            owner_tag: reader.key(&OWNER_TAG),
            principal_id_tag: reader.key_or_none(&PRINCIPAL_ID_TAG),
            extra_tags: reader.extra_tags(&EXTRA_TAGS),
            keep_existing: reader.one_of(&EXISTING_TAGS, &[("keep", true), ("overwrite", false)]),
            service_created: reader.one_of(&SERVICE_CREATED, SERVICE_CREATED_CHOICES),
            at_launch: reader.one_of(&PROPAGATE_AT_LAUNCH, AT_LAUNCH),
            log_values: reader.one_of(&LOG_VALUES, &[("hide", false), ("show", true)]),
            monitoring: reader.one_of(&MONITORING, MONITORINGS),
            inherit: reader.patterns(&INHERIT, WildMatch::new_case_insensitive),
            do_not_inherit: reader.patterns(&DO_NOT_INHERIT, WildMatch::new_case_insensitive),
            skip_mark: reader.skip_mark(&SKIP_TAG),
            excluded_principals: reader.patterns(&EXCLUDED_PRINCIPALS, WildMatch::new),
            also_tag: reader.opt_in_types(&ALSO_TAG),
            stated: Vec::new(),
        };
        settings.stated = reader.distinct(&settings);
        reader.done(settings)
    }

    /// The owner that some of our tags name.
    pub fn owner_of<'a>(&self, tags: &'a [Tag]) -> Option<&'a str> {
        tags.iter().find(|tag| tag.key == self.owner_tag).map(|tag| tag.value.as_str())
    }

    /// Whether a tag tells who stands at the head of a chain of sessions.
    pub(crate) fn asks_for_origin(&self) -> bool {
        let origin = || Some(SessionFact::Origin);
        let is_origin = |piece: Piece<'_>| match piece {
            Piece::Text(_) => false,
            Piece::Variable(path) => {
                path.strip_prefix(SESSION_VARIABLE).and_then(SessionFact::named) == origin()
            }
        };
        self.owner.contains(&OwnerForm::Session(SessionFact::Origin))
            || self.extra_tags.iter().any(|(_, template)| pieces(template).any(is_origin))
    }

    /// Whether IAM and session tags of this key are inherited.
    pub(crate) fn inherits(&self, key: &str) -> bool {
        let matches = |patterns: &[WildMatch]| patterns.iter().any(|pattern| pattern.matches(key));
        matches(&self.inherit) && !matches(&self.do_not_inherit)
    }

    /// The same, by a pattern that is more than `*`.
    pub(crate) fn inherits_by_name(&self, key: &str) -> bool {
        self.inherit.iter().any(|pattern| pattern.pattern() != "*" && pattern.matches(key))
    }

    /// Whether only this program states the tag of this key, or of one that readers take for it.
    pub(crate) fn states(&self, key: &str) -> bool {
        self.stated.contains(&Appearance::of(key))
    }

    /// Whether the resources of a principal with this ARN are left alone.
    pub fn excludes(&self, arn: &str) -> bool {
        self.excluded_principals.iter().any(|pattern| pattern.matches(arn))
    }

    /// The keys of the tags that aws-tags states itself.
    pub fn stated_keys(&self) -> Vec<&str> {
        let extra = self.extra_tags.iter().map(|(key, _)| key.as_str());
        [&*self.owner_tag].into_iter().chain(self.principal_id_tag.as_deref()).chain(extra).collect()
    }

    /// Whether an opt-in type is tagged.
    pub fn also_tags(&self, resource_type: &str) -> bool {
        self.also_tag.iter().any(|pattern| pattern.matches(resource_type))
    }
}

const SERVICE_CREATED_CHOICES: &[(&str, ServiceCreated)] = &[
    ("parent", ServiceCreated::Parent),
    ("service", ServiceCreated::Service),
    ("skip", ServiceCreated::Skip),
];
const AT_LAUNCH: &[(&str, AtLaunch)] = &[("off", AtLaunch::Keep), ("on", AtLaunch::Propagate)];

struct Reader<F> {
    variable: F,
    wrong: Vec<WrongSetting>,
}

impl<F: Fn(&str) -> Option<OsString>> Reader<F> {
    /// What was read, if nothing of it is wrong.
    fn done<T>(self, read: T) -> Result<T, WrongSettings> {
        match self.wrong.is_empty() {
            true => Ok(read),
            false => Err(WrongSettings(self.wrong)),
        }
    }

    fn text(&mut self, setting: &Setting) -> String {
        match (self.variable)(setting.name).map(OsString::into_string) {
            None => setting.default.to_owned(),
            Some(Ok(value)) => value.trim().to_owned(),
            Some(Err(value)) => {
                let value = value.to_string_lossy().into_owned();
                self.wrong.push(WrongSetting { name: setting.name, value, allowed: "text in UTF-8" });
                setting.default.to_owned()
            }
        }
    }

    /// The keys that only this program states, none of which may pass for another.
    fn distinct(&mut self, settings: &Settings) -> Vec<Appearance> {
        let mut stated = Vec::new();
        let extra = settings.extra_tags.iter().map(|(key, _)| (EXTRA_TAGS.name, key));
        let own = [
            (OWNER_TAG.name, Some(&settings.owner_tag)),
            (PRINCIPAL_ID_TAG.name, settings.principal_id_tag.as_ref()),
        ];
        for (name, key) in own.into_iter().filter_map(|(name, key)| Some((name, key?))).chain(extra) {
            let appearance = Appearance::of(key);
            if stated.contains(&appearance) {
                let allowed = "a key that no other setting names";
                self.wrong.push(WrongSetting { name, value: key.clone(), allowed });
            }
            stated.push(appearance);
        }
        let mark = settings.skip_mark.as_ref().map(|mark| &mark.key);
        if let Some(key) = mark.filter(|key| stated.contains(&Appearance::of(key))) {
            let allowed = "a key that no other setting names";
            self.wrong.push(WrongSetting { name: SKIP_TAG.name, value: key.clone(), allowed });
        }
        stated
    }

    fn reject(&mut self, setting: &Setting, value: &str) {
        let Setting { name, allowed, .. } = *setting;
        self.wrong.push(WrongSetting { name, value: value.to_owned(), allowed });
    }

    fn one_of<T: Copy>(&mut self, setting: &Setting, choices: &[(&str, T)]) -> T {
        let value = self.text(setting);
        let chosen = choices.iter().find(|(word, _)| *word == value);
        if chosen.is_none() {
            self.reject(setting, &value);
        }
        chosen.unwrap_or(&choices[0]).1
    }

    fn owner(&mut self, setting: &Setting) -> Vec<OwnerForm> {
        let items = self.list(setting);
        if items.is_empty() {
            self.reject(setting, "");
        }
        let mut forms = Vec::new();
        for item in items {
            let key = item.strip_prefix(SESSION_TAG).map(str::trim).filter(|key| is_key(key));
            let word = OWNER_FORMS.iter().find(|(word, _)| *word == item).map(|(_, form)| form.clone());
            match word.or_else(|| key.map(|key| OwnerForm::Session(SessionFact::Tag(key.to_owned())))) {
                Some(form) => forms.push(form),
                None => self.reject(setting, &item),
            }
        }
        forms
    }

    /// Patterns each of which matches an opt-in type.
    fn opt_in_types(&mut self, setting: &Setting) -> Vec<WildMatch> {
        let patterns = self.patterns(setting, WildMatch::new);
        for pattern in &patterns {
            if !table::opt_in_types().any(|resource_type| pattern.matches(resource_type)) {
                self.reject(setting, &pattern.pattern());
            }
        }
        patterns
    }

    fn skip_mark(&mut self, setting: &Setting) -> Option<SkipMark> {
        let text = Some(self.text(setting)).filter(|text| !text.is_empty())?;
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim().to_owned())),
            None => (text.as_str(), None),
        };
        if !is_key(key) || value.as_deref().is_some_and(|value| !is_value(value)) {
            self.reject(setting, &text);
        }
        Some(SkipMark { key: key.to_owned(), value })
    }

    fn key(&mut self, setting: &Setting) -> String {
        let value = self.text(setting);
        if !is_key(&value) {
            self.reject(setting, &value);
        }
        value
    }

    fn key_or_none(&mut self, setting: &Setting) -> Option<String> {
        let value = self.text(setting);
        if !value.is_empty() && !is_key(&value) {
            self.reject(setting, &value);
        }
        Some(value).filter(|value| !value.is_empty())
    }

    fn list(&mut self, setting: &Setting) -> Vec<String> {
        let value = self.text(setting);
        let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    fn patterns(&mut self, setting: &Setting, pattern: fn(&str) -> WildMatch) -> Vec<WildMatch> {
        self.list(setting).iter().map(|item| pattern(item)).collect()
    }

    fn extra_tags(&mut self, setting: &Setting) -> Vec<(String, String)> {
        let mut tags = Vec::new();
        for item in self.list(setting) {
            match item.split_once('=') {
                Some((key, template)) if is_key(key.trim()) && is_template(template) => {
                    tags.push((key.trim().to_owned(), template.to_owned()));
                }
                _ => self.reject(setting, &item),
            }
        }
        tags
    }
}

fn is_key(text: &str) -> bool {
    let length = text.chars().count();
    (1..=KEY_LENGTH).contains(&length) && text.chars().all(is_allowed) && !starts_reserved(text)
}

fn is_value(text: &str) -> bool {
    text.chars().count() <= VALUE_LENGTH && text.chars().all(is_allowed)
}

/// Text of the tag alphabet with well-formed variables; never one that holds credentials.
fn is_template(text: &str) -> bool {
    pieces(text).all(|piece| match piece {
        Piece::Text(text) => is_value(text),
        Piece::Variable(path) => match path.strip_prefix(SESSION_VARIABLE) {
            Some(name) => SessionFact::named(name).is_some(),
            None => !path.is_empty() && !path.to_ascii_lowercase().contains("credentials"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Settings, WrongSettings> {
        Settings::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_defaults_are_sound_and_every_setting_is_read() {
        let read = std::cell::RefCell::new(Vec::new());
        let settings = Settings::read(|name| {
            read.borrow_mut().push(name.to_owned());
            None::<String>
        });
        assert!(settings.is_ok());
        let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
        names.sort();
        let mut read = read.into_inner();
        read.sort();
        assert_eq!(read, names);
    }

    #[test]
    fn a_wrong_setting_names_variable_value_and_what_is_allowed() {
        for (name, value) in [
            ("OWNER", "arn"),
            ("OWNER", ""),
            ("OWNER", "session-tag:"),
            ("OWNER", "session-tag:aws:x"),
            ("OWNER_TAG", "aws:owner"),
            ("OWNER_TAG", ""),
            ("PRINCIPAL_ID_TAG", "a,b"),
            ("EXTRA_TAGS", "CreatedAt"),
            ("EXTRA_TAGS", "Token=${responseElements.credentials.sessionToken}"),
            ("EXTRA_TAGS", "A=${open"),
            ("EXTRA_TAGS", "Key=${session.accessKeyId}"),
            ("EXTRA_TAGS", "Unit=${session.tags.}"),
            ("EXISTING_TAGS", "yes"),
            ("SERVICE_CREATED", ""),
            ("SKIP_TAG", "aws:ignore"),
            ("SKIP_TAG", "=true"),
            ("SKIP_TAG", "ignore=a;b"),
            ("ALSO_TAG", "s3:objects"),
            ("MONITORING", "none"),
        ] {
            let wrong = read(name, value).expect_err(value).to_string();
            assert!(wrong.starts_with(&format!("{name} is `{value}`, allowed: ")), "{wrong}");
        }
    }

    #[test]
    fn how_much_is_measured_is_read_alone_too() {
        let read =
            |value: Option<&'static str>| Monitoring::read(|_| value).map_err(|wrong| wrong.to_string());
        assert_eq!((read(None), read(Some("full"))), (Ok(Monitoring::Minimal), Ok(Monitoring::Full)));
        let wrong = "MONITORING is `some`, allowed: `minimal` or `full`".to_owned();
        assert_eq!(read(Some("some")), Err(wrong));
    }

    #[test]
    fn all_wrong_settings_are_named_at_once() {
        let wrong = Settings::read(|name| (name == "OWNER" || name == "ALSO_TAG").then_some("x"));
        let text = wrong.expect_err("wrong").to_string();
        assert_eq!(text.matches("is `x`").count(), 2);
    }

    #[test]
    fn keys_that_pass_for_each_other_are_rejected() {
        for (name, value, wrong) in [
            ("OWNER_TAG", "PrincipalId", "PRINCIPAL_ID_TAG is `PrincipalId`"),
            ("PRINCIPAL_ID_TAG", "owner", "PRINCIPAL_ID_TAG is `owner`"),
            ("EXTRA_TAGS", "Owner=x", "EXTRA_TAGS is `Owner`"),
            ("EXTRA_TAGS", "A=1,a=2", "EXTRA_TAGS is `a`"),
            ("SKIP_TAG", "owner=nobody", "SKIP_TAG is `owner`"),
        ] {
            let text = read(name, value).expect_err(value).to_string();
            assert_eq!(text, format!("{wrong}, allowed: a key that no other setting names"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_rejected_and_not_ignored() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(b"Own\xff".to_vec());
        let wrong = Settings::read(|name| (name == "OWNER_TAG").then(bytes)).expect_err("not UTF-8");
        assert_eq!(wrong.to_string(), "OWNER_TAG is `Own\u{fffd}`, allowed: text in UTF-8");
    }

    #[test]
    fn the_keys_that_are_stated_are_those_of_the_settings() {
        let keys = |name, value| read(name, value).expect("settings").stated_keys().join(",");
        assert_eq!(keys("OWNER_TAG", "CreatedBy"), "CreatedBy,PrincipalId");
        assert_eq!(keys("PRINCIPAL_ID_TAG", ""), "Owner");
        assert_eq!(keys("EXTRA_TAGS", "CreatedAt=${eventTime}"), "Owner,PrincipalId,CreatedAt");
    }

    #[test]
    fn a_skip_mark_is_a_key_with_any_value_or_one() {
        let mark = |text| {
            let mark = read("SKIP_TAG", text).expect("sound").skip_mark;
            mark.map(|mark| (mark.key, mark.value))
        };
        assert_eq!(mark(""), None);
        assert_eq!(mark("ignore"), Some(("ignore".into(), None)));
        assert_eq!(mark("ignore = yes=1"), Some(("ignore".into(), Some("yes=1".into()))));
        assert_eq!(mark("ignore="), Some(("ignore".into(), Some(String::new()))));
    }

    #[test]
    fn excluded_principals_are_patterns_on_arns() {
        let settings = read("EXCLUDED_PRINCIPALS", "*:role/ci-*, *:user/robot").expect("sound");
        assert!(settings.excludes("arn:aws:iam::111122223333:role/ci-main"));
        assert!(!settings.excludes("arn:aws:iam::111122223333:role/dev"));
    }
}
