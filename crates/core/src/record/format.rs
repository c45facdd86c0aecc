//! Formats with variables: `arn:${Partition}:sqs:${Region}:…`, `CreatedAt ${eventTime}`.

/// One piece of an ARN format: text as it is, or the name between `${` and `}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// Splits `arn:${Partition}:sqs:…` or `CreatedAt ${eventTime}` into its pieces.
/// An unclosed `${` is text.
pub(crate) fn pieces(format: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = format;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(inside) = rest.strip_prefix("${")
            && let Some((name, after)) = inside.split_once('}')
        {
            rest = after;
            return Some(Piece::Variable(name));
        }
        let start = usize::from(rest.starts_with("${")) * 2;
        let end = rest[start..].find("${").map_or(rest.len(), |at| at + start);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_splits_into_text_and_variables() {
        use Piece::{Text, Variable};
        let all = |format| pieces(format).collect::<Vec<_>>();
        assert_eq!(all("a:${B}/${c.d}"), [Text("a:"), Variable("B"), Text("/"), Variable("c.d")]);
        assert_eq!(all("${open"), [Text("${open")]);
        assert_eq!(all("x ${"), [Text("x "), Text("${")]);
    }
}
