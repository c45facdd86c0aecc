//! Normalizes names: API members, operations and resource types spell the same thing differently.

/// Lower case, letters and digits only: `DBInstance`, `db-instance` and `db instance` are one.
pub fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The words of a name in camel case: `CreateDBInstance` → `Create`, `DB`, `Instance`.
pub fn words(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let mut words = Vec::new();
    let mut start = 0;
    for at in 1..bytes.len() {
        let (before, here) = (bytes[at - 1], bytes[at]);
        let next_lower = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let new_word = here.is_ascii_uppercase() && (!before.is_ascii_uppercase() || next_lower);
        if new_word || here == b'_' {
            words.push(name[start..at].trim_matches('_'));
            start = at;
        }
    }
    words.push(name[start..].trim_matches('_'));
    words.retain(|word| !word.is_empty());
    words
}

/// The singular of a plain name; names that only look like plurals stay.
pub fn singular(name: &str) -> String {
    const SAME: &[&str] =
        &["ss", "us", "sis", "dns", "aws", "ecs", "eks", "ebs", "sms", "gps", "alias", "canvas"];
    if SAME.iter().any(|end| name.ends_with(end)) {
        return name.to_owned();
    }
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    for (plural, end) in [("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")] {
        if let Some(stem) = name.strip_suffix(plural) {
            return format!("{stem}{end}");
        }
    }
    name.strip_suffix('s').unwrap_or(name).to_owned()
}

/// As CloudTrail writes a member: the first letter in lower case (`DBInstanceArn` → `dBInstanceArn`).
pub fn camel(member: &str) -> String {
    let mut rest = member.chars();
    rest.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_capitals() {
        assert_eq!(words("CreateDBInstance"), ["Create", "DB", "Instance"]);
        assert_eq!(words("CreateTags"), ["Create", "Tags"]);
        assert_eq!(words("CreateMLModel"), ["Create", "ML", "Model"]);
        assert_eq!(plain("Db-Instance x"), "dbinstancex");
        assert_eq!(camel("DBInstanceArn"), "dBInstanceArn");
    }

    #[test]
    fn plurals_lose_their_ending() {
        for (plural, one) in [
            ("policies", "policy"),
            ("instances", "instance"),
            ("access", "access"),
            ("restapis", "restapi"),
            ("boxes", "box"),
        ] {
            assert_eq!(singular(plural), one);
        }
    }
}
