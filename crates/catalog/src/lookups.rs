//! Operations that tell the ARN or id of a resource that the record of its creation does not name: those of the
//! overrides, else what a rule finds in the API's model.
//!
//! The rule takes an operation that is named after the type, whose request the record fills, and whose answer has an
//! ARN of the type's own.

use crate::members::{Member as Recorded, members};
use crate::models::{self, Api, Reference, Shape};
use crate::naming::{plain, singular};
use crate::newness::TIMES;
use crate::operations::{self, Operation, Search, member_at, protocol};
use crate::overrides::{self, Named, overrides};
use crate::table::Row;
use crate::wire::{Member, RecordValue, State, TagShape};

/// How the resource of a row is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Path in the record to the ids or names to ask about.
    pub by: String,
    pub operation: LookupOperation,
    /// Whether the resource that it tells is the call's for sure: by its age, or by an id.
    pub unique: bool,
}

/// An operation that tells the ARN or id of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupOperation {
    pub operation: Operation,
    pub asks: Vec<Member<RecordValue>>,
    /// Path in the answer to what it tells of each resource.
    pub found: String,
    /// Path in that to its ARN or id.
    pub name: String,
    /// Path in that to its creation time.
    pub created_at: Option<String>,
    /// What that must say.
    pub only: Vec<(String, RecordValue)>,
    /// Where that has its tags.
    pub tags: Option<TagShape>,
    pub state: Option<State>,
    pub several: bool,
    /// Paths that a record has only where the call changed what is there.
    pub changes: Vec<String>,
    /// What tells the ARN, where this one tells only an id.
    pub then: Option<Box<LookupOperation>>,
}

impl LookupOperation {
    /// Name of its constant.
    pub fn constant(&self) -> String {
        format!("LOOKUP_{}", self.operation.constant())
    }

    /// This one, and what is asked then.
    pub fn and_further(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |one| one.then.as_deref())
    }
}

impl Lookup {
    /// All paths in the record that it needs, each with its alternatives.
    pub fn paths(&self) -> Vec<Vec<&str>> {
        let of_request = self.operation.asks.iter().map(|member| &member.value);
        let of_answer = self.operation.only.iter().map(|(_, value)| value);
        let recorded = of_request.chain(of_answer).filter_map(|value| match value {
            RecordValue::Recorded(paths) => Some(paths.iter().map(String::as_str).collect()),
            RecordValue::Subject | RecordValue::Fixed(_) => None,
        });
        std::iter::once(vec![self.by.as_str()]).chain(recorded).collect()
    }
}

/// What an operation asks and answers, by the names of the model.
struct Plan {
    by: String,
    asks: Vec<Named<RecordValue>>,
    found: String,
    name: String,
    created_at: Option<String>,
    only: Vec<Named<RecordValue>>,
    state: Option<State>,
    unique: bool,
    several: bool,
    changes: Vec<String>,
    then: Option<Box<LookupOperation>>,
}

impl Plan {
    fn new(by: &str, asks: &[Named<RecordValue>], found: &str, name: &str) -> Self {
        Self {
            by: by.to_owned(),
            asks: asks.to_vec(),
            found: found.to_owned(),
            name: name.to_owned(),
            created_at: None,
            only: Vec::new(),
            state: None,
            unique: false,
            several: false,
            changes: Vec::new(),
            then: None,
        }
    }
}

impl Search<'_> {
    /// How a row's resource is looked up.
    pub(crate) fn looking_up(&self, row: &Row) -> Option<Lookup> {
        match overrides().lookups.iter().find(|one| one.is(&row.source, &row.event_name, &row.resource_type))
        {
            Some(known) => self.known(known),
            None => self.by_rule(row),
        }
    }

    /// As an override says.
    pub(crate) fn known(&self, known: &overrides::Lookup) -> Option<Lookup> {
        let api = self.apis.iter().find(|one| one.name == known.api)?;
        let then = match &known.then {
            Some(further) => {
                let plan = Plan::new("", &further.asks, &further.found, &further.name);
                let operation = api.operations.get(&further.operation)?;
                Some(Box::new(self.planned(api, operation, plan, &known.resource_type)?.operation))
            }
            None => None,
        };
        let plan = Plan {
            created_at: known.created_at.clone(),
            only: known.only.clone(),
            state: known.state.clone(),
            unique: known.unique,
            several: known.several,
            changes: known.changes.clone(),
            then,
            ..Plan::new(&known.by, &known.asks, &known.found, &known.name)
        };
        self.planned(api, api.operations.get(&known.operation)?, plan, &known.resource_type)
    }

    fn by_rule(&self, row: &Row) -> Option<Lookup> {
        let api = self.apis.iter().find(|one| one.name == row.from.0)?;
        let creating = api.operations.values().find(|one| one.name == row.from.1)?;
        let noun = singular(&plain(row.resource_type.split_once(':')?.1));
        let record = Record {
            request: api.input(creating).map(|shape| members(api, shape, true)).unwrap_or_default(),
            response: api.output(creating).map(|shape| members(api, shape, true)).unwrap_or_default(),
        };
        let named_after = |operation: &&models::Operation| {
            let noun_of = |verb: &&str| operation.name.strip_prefix(*verb).map(plain);
            let called = ["BatchGet", "Describe", "Get"].iter().find_map(noun_of);
            called.is_some_and(|called| singular(&called) == noun)
        };
        let found = api.operations.values().filter(named_after).filter_map(|operation| {
            let plan = plan(api, operation, &noun, &record)?;
            self.planned(api, operation, plan, &row.resource_type)
        });
        // One that tells the age is worth more.
        found.max_by_key(|lookup| lookup.operation.created_at.is_some())
    }

    /// The operation on the wire; `None` if the model has not all of its members.
    fn planned(
        &self,
        api: &Api,
        operation: &models::Operation,
        plan: Plan,
        resource_type: &str,
    ) -> Option<Lookup> {
        let (input, output) = (api.input(operation)?, api.output(operation)?);
        let protocol = protocol(api, operation)?;
        let asks = plan.asks.iter().map(|one| member_at(api, input, &one.name, one.value.clone(), &protocol));
        let asks = asks.collect::<Option<Vec<_>>>()?;
        let answer = Answer { api, xml: !protocol.is_json() };
        let wrapper = operation.output.as_ref().and_then(|reference| reference.result_wrapper.clone());
        let (found, item) = answer.path(output, &plan.found)?;
        let found = match wrapper.filter(|_| answer.xml) {
            Some(wrapper) => format!("{wrapper}.{found}").trim_end_matches('.').to_owned(),
            None => found,
        };
        let tags = operations::Answer { api, xml: answer.xml }.tags(item, &[], 0);
        let inside = |path: &String| answer.path(item, path).map(|(path, _)| path);
        let created_at = match &plan.created_at {
            Some(path) => Some(inside(path)?),
            None => None,
        };
        let only = plan.only.iter().map(|one| Some((inside(&one.name)?, one.value.clone())));
        let state = match plan.state {
            Some(state) => Some(State { at: inside(&state.at)?, ..state }),
            None => None,
        };
        Some(Lookup {
            by: plan.by,
            unique: plan.unique || created_at.is_some(),
            operation: LookupOperation {
                operation: self.described(api, operation, input, Vec::new(), protocol, resource_type)?,
                asks,
                found,
                name: inside(&plan.name)?,
                created_at,
                only: only.collect::<Option<_>>()?,
                tags,
                state,
                several: plan.several,
                changes: plan.changes,
                then: plan.then,
            },
        })
    }
}

/// What the record of the creating call has.
struct Record {
    request: Vec<Recorded>,
    response: Vec<Recorded>,
}

impl Record {
    /// The path to what a member of another request asks for: of the same name, or without the noun before it.
    fn path(&self, name: &str, noun: &str) -> Option<String> {
        let same = |member: &&Recorded| {
            let (wanted, found) = (singular(&plain(name)), singular(&plain(&member.name)));
            wanted == found || wanted == format!("{noun}{found}") || found == format!("{noun}{wanted}")
        };
        let nearest = |members: &[Recorded]| {
            members.iter().filter(same).min_by_key(|member| member.chain.len()).map(|member| {
                let list = member.listed && !member.path.contains("[]");
                format!("{}{}", member.path, if list { "[]" } else { "" })
            })
        };
        let of = |part: &str, path: Option<String>| path.map(|path| format!("{part}.{path}"));
        of("requestParameters", nearest(&self.request))
            .or_else(|| of("responseElements", nearest(&self.response)))
    }
}

/// How an operation would tell a resource, if the record fills its request and its answer has the ARN.
fn plan(api: &Api, operation: &models::Operation, noun: &str, record: &Record) -> Option<Plan> {
    let input = api.input(operation)?;
    let is_own = |name: &String| {
        let name = singular(&plain(name));
        let stem = ["name", "id", "identifier"].iter().find_map(|end| name.strip_suffix(end));
        stem.is_some_and(|stem| stem.is_empty() || stem == noun)
    };
    let mut asked: Vec<&String> = input.required.iter().collect();
    if !asked.iter().any(|name| is_own(name)) {
        asked.extend(input.members.keys().find(|name| is_own(name)));
    }
    let own = *asked.iter().find(|name| is_own(name))?;
    let value = |name: &String| {
        let path = || Some(RecordValue::Recorded(vec![record.path(name, noun)?]));
        if name == own { Some(RecordValue::Subject) } else { path() }
    };
    let asks = asked.iter().map(|name| Some(Named { name: (*name).clone(), value: value(name)? }));
    let (found, name, created_at) = Answer { api, xml: false }.arn(api.output(operation)?, noun, "", 2)?;
    let by = record.path(own, noun)?;
    Some(Plan { created_at, ..Plan::new(&by, &asks.collect::<Option<Vec<_>>>()?, &found, &name) })
}

/// An answer in which a resource is searched.
struct Answer<'a> {
    api: &'a Api,
    xml: bool,
}

impl<'a> Answer<'a> {
    /// A path of the model as it is on the wire, and the shape there.
    fn path(&self, shape: &'a Shape, path: &str) -> Option<(String, &'a Shape)> {
        let (mut names, mut shape) = (Vec::new(), shape);
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let reference = match shape.kind.as_str() {
                // Its keys are names of the service's.
                "map" => shape.value.as_ref()?,
                _ => shape.members.get(step)?,
            };
            names.push(reference.location_name.as_deref().unwrap_or(step).to_owned());
            shape = self.api.shape(reference)?;
            if let Some(item) = shape.member.as_ref().filter(|_| shape.kind == "list") {
                if self.xml && !shape.flattened {
                    names.push(item.location_name.as_deref().unwrap_or("member").to_owned());
                }
                shape = self.api.shape(item)?;
            }
        }
        Some((names.join("."), shape))
    }

    /// The path to the structure with the resource's own ARN, nearest to the top, and in it the ARN and the creation
    /// time.
    fn arn(
        &self,
        shape: &'a Shape,
        noun: &str,
        path: &str,
        deeper: u8,
    ) -> Option<(String, String, Option<String>)> {
        let is_arn = |name: &&String| {
            let name = plain(name);
            name == "arn" || name.strip_suffix("arn").is_some_and(|stem| stem == noun)
        };
        if let Some(arn) = shape.members.keys().find(is_arn) {
            let time = shape.members.keys().find(|name| TIMES.contains(&plain(name).as_str()));
            return Some((path.to_owned(), arn.clone(), time.cloned()));
        }
        let inner = |(name, reference): (&String, &Reference)| {
            let mut shape = self.api.shape(reference)?;
            if let Some(item) = shape.member.as_ref().filter(|_| shape.kind == "list") {
                shape = self.api.shape(item)?;
            }
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            // Others are what the resource has to do with.
            let is_it = singular(&plain(name)).contains(noun) || noun.ends_with(&singular(&plain(name)));
            let deeper = deeper.checked_sub(1)?;
            (is_it && shape.kind == "structure").then(|| self.arn(shape, noun, &path, deeper))?
        };
        shape.members.iter().find_map(inner)
    }
}
