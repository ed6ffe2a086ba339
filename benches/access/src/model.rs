//! The world that every engine is given, and the questions that every engine is asked.
//!
//! Numbers follow from the number of assignments: a tenth as many principals, a tenth of those groups, nested
//! up to six deep; a thousand assignments a subscription; scopes five deep below the management groups. Half of
//! the assignments are groups', one in a hundred gives a role as wide as Owner.

use std::collections::BTreeSet;

/// Roles, the first ones, that grant nearly everything.
const WIDE: usize = 3;

/// Numbers that look random and are the same each time.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * limit as u128) >> 64) as usize
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

pub struct Scope {
    pub text: String,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
}

pub struct Role {
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
}

pub struct Assignment {
    pub principal: usize,
    pub role: usize,
    pub scope: usize,
}

/// Principals, scopes and roles are numbers: places in these lists.
pub struct World {
    pub scopes: Vec<Scope>,
    /// How many of the scopes, the first ones, are management groups.
    pub management: usize,
    pub subscriptions: Vec<usize>,
    /// The groups that a principal is in directly. Groups come first.
    pub groups_of: Vec<Vec<usize>>,
    pub groups: usize,
    pub roles: Vec<Role>,
    pub assignments: Vec<Assignment>,
    pub actions: Vec<String>,
    /// The assignments of each principal.
    held: Vec<Vec<usize>>,
}

#[derive(Clone, Debug)]
pub struct Question {
    pub principal: usize,
    pub action: usize,
    pub scope: usize,
}

impl World {
    pub fn new(assignments: usize) -> World {
        let mut random = Random::new(assignments as u64);
        let actions = actions();
        let (scopes, management, subscriptions) = scopes(assignments, &mut random);
        let principals = (assignments / 10).max(10);
        let groups = principals / 10;
        let groups_of = memberships(principals, groups, &mut random);
        let roles = roles((assignments / 500).clamp(10, 2_000), &actions, &mut random);
        let mut world = World {
            scopes,
            management,
            subscriptions,
            groups_of,
            groups,
            roles,
            assignments: Vec::new(),
            actions,
            held: vec![Vec::new(); principals],
        };
        world.assign(assignments, &mut random);
        world
    }

    fn assign(&mut self, count: usize, random: &mut Random) {
        let mut taken = BTreeSet::new();
        let mut tries = 0;
        while self.assignments.len() < count {
            tries += 1;
            let principal = match random.below(2) {
                0 => random.below(self.groups),
                _ => self.groups + random.below(self.groups_of.len() - self.groups),
            };
            let scope = match random.below(100) {
                0..2 if self.management > 1 => random.below(self.management),
                _ => {
                    // Down from a subscription by chance: most at resource groups and resources.
                    let mut scope = *random.pick(&self.subscriptions);
                    let depth = [0, 1, 1, 1, 1, 2, 2, 2, 3, 4][random.below(10)];
                    for _ in 0..depth {
                        scope = *random.pick(&self.scopes[scope].children);
                    }
                    scope
                }
            };
            let wide = random.below(100) == 0;
            let role = if wide { random.below(WIDE) } else { WIDE + random.below(self.roles.len() - WIDE) };
            assert!(tries < 100 * count, "the world is too small for its assignments");
            if taken.insert((principal, role, scope)) {
                self.held[principal].push(self.assignments.len());
                self.assignments.push(Assignment { principal, role, scope });
            }
        }
    }

    /// A principal and all groups that it is in.
    pub fn with_groups(&self, principal: usize) -> Vec<usize> {
        let mut all = vec![principal];
        let mut at = 0;
        while at < all.len() {
            for group in &self.groups_of[all[at]] {
                if !all.contains(group) {
                    all.push(*group);
                }
            }
            at += 1;
        }
        all
    }

    pub fn at_and_above(&self, scope: usize) -> Vec<usize> {
        std::iter::successors(Some(scope), |scope| self.scopes[*scope].parent).collect()
    }

    pub fn grants(&self, role: usize, action: usize) -> bool {
        let action = &self.actions[action];
        let Role { actions, not_actions } = &self.roles[role];
        actions.iter().any(|pattern| matches(pattern, action))
            && !not_actions.iter().any(|pattern| matches(pattern, action))
    }

    /// The answer by the plainest reckoning.
    pub fn allows(&self, question: &Question) -> bool {
        let above = self.at_and_above(question.scope);
        self.with_groups(question.principal).iter().flat_map(|who| &self.held[*who]).any(|assignment| {
            let Assignment { role, scope, .. } = self.assignments[*assignment];
            above.contains(&scope) && self.grants(role, question.action)
        })
    }

    /// Questions that are answered as `allowed` says, each with another principal, scope and action. Half of
    /// those that are refused are so closely: the principal has a role there, but it does not reach so far.
    pub fn questions(&self, count: usize, allowed: bool, random: &mut Random) -> Vec<Question> {
        let mut questions = Vec::with_capacity(count);
        let users = self.groups_of.len() - self.groups;
        while questions.len() < count {
            let principal = self.groups + random.below(users);
            let near = allowed || questions.len() % 2 == 0;
            let question =
                if near { self.near(principal, random) } else { Some(self.far(principal, random)) };
            if let Some(question) = question
                && self.allows(&question) == allowed
            {
                questions.push(question);
            }
        }
        questions
    }

    /// At or below the scope of one of the principal's assignments.
    fn near(&self, principal: usize, random: &mut Random) -> Option<Question> {
        let who = self.with_groups(principal);
        let held: Vec<usize> = who.iter().flat_map(|who| &self.held[*who]).copied().collect();
        let assignment = &self.assignments[*held.get(random.below(held.len().max(1)))?];
        let scope = self.down(assignment.scope, random);
        Some(Question { principal, action: random.below(self.actions.len()), scope })
    }

    fn far(&self, principal: usize, random: &mut Random) -> Question {
        let scope = self.down(*random.pick(&self.subscriptions), random);
        Question { principal, action: random.below(self.actions.len()), scope }
    }

    /// A place some way below a scope, mostly as far as it goes.
    fn down(&self, mut scope: usize, random: &mut Random) -> usize {
        while !self.scopes[scope].children.is_empty() && (scope < self.management || random.below(8) > 0) {
            scope = *random.pick(&self.scopes[scope].children);
        }
        scope
    }
}

pub fn matches(pattern: &str, action: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == action,
        Some((head, tail)) => {
            action.len() >= head.len() + tail.len() && action.starts_with(head) && action.ends_with(tail)
        }
    }
}

/// 480 actions of twelve providers.
fn actions() -> Vec<String> {
    let providers = [
        "Communication",
        "Compute",
        "Network",
        "Storage",
        "KeyVault",
        "Web",
        "Sql",
        "Insights",
        "Authorization",
        "ContainerService",
        "ServiceBus",
        "VoiceServices",
    ];
    let types = [
        "accounts",
        "accounts/services",
        "clusters",
        "clusters/nodePools",
        "vaults",
        "vaults/items",
        "gateways",
        "gateways/rules",
        "profiles",
        "profiles/endpoints",
    ];
    let verbs = ["read", "write", "delete", "restart/action"];
    let all = providers.iter().flat_map(|p| types.map(|t| verbs.map(|v| format!("Microsoft.{p}/{t}/{v}"))));
    all.flatten().collect()
}

fn roles(count: usize, actions: &[String], random: &mut Random) -> Vec<Role> {
    let mut roles = vec![
        Role { actions: vec!["*".to_owned()], not_actions: vec![] },
        Role { actions: vec!["*".to_owned()], not_actions: vec!["Microsoft.Authorization/*".to_owned()] },
        Role { actions: vec!["*/read".to_owned()], not_actions: vec![] },
    ];
    while roles.len() < count {
        // Twelve actions by name, and here and there a whole type or the reading of a provider.
        let mut granted: Vec<String> = (0..12).map(|_| random.pick(actions).clone()).collect();
        let mut not_actions = Vec::new();
        let (provider, rest) = random.pick(actions).split_once('/').unwrap();
        let resource_type = rest.split('/').next().unwrap();
        match random.below(4) {
            0 => granted.push(format!("{provider}/{resource_type}/*")),
            1 => granted.push(format!("{provider}/*/read")),
            2 => {
                granted.push(format!("{provider}/*"));
                not_actions.push(format!("{provider}/*/delete"));
            }
            _ => {}
        }
        roles.push(Role { actions: granted, not_actions });
    }
    roles
}

/// Management groups (a root and as many as there are tens of subscriptions), then all below them.
fn scopes(assignments: usize, random: &mut Random) -> (Vec<Scope>, usize, Vec<usize>) {
    let subscriptions = (assignments / 1_000).max(2);
    let management = 1 + subscriptions / 10;
    let mut scopes: Vec<Scope> = Vec::new();
    let add = |scopes: &mut Vec<Scope>, text: String, parent: Option<usize>| {
        let at = scopes.len();
        scopes.push(Scope { text, parent, children: Vec::new() });
        if let Some(parent) = parent {
            scopes[parent].children.push(at);
        }
        at
    };
    for group in 0..management {
        let text = format!("/providers/Microsoft.Management/managementGroups/group-{group}");
        let parent = if group == 0 { None } else { Some((group - 1) / 3) };
        add(&mut scopes, text, parent);
    }
    let mut all = Vec::new();
    for _ in 0..subscriptions {
        let guid = guid(random.below(usize::MAX) as u64, 0x5c);
        let parent = random.below(management);
        let sub = add(&mut scopes, format!("/subscriptions/{guid}"), Some(parent));
        all.push(sub);
        for group in 0..5 {
            let text = format!("{}/resourceGroups/rg-workload-{group}", scopes[sub].text);
            let group = add(&mut scopes, text, Some(sub));
            for resource in 0..4 {
                let text =
                    format!("{}/providers/Microsoft.Web/accounts/app{resource}-prod", scopes[group].text);
                let resource = add(&mut scopes, text, Some(group));
                for child in 0..2 {
                    let text = format!("{}/services/service{child}", scopes[resource].text);
                    let child = add(&mut scopes, text, Some(resource));
                    let text = format!("{}/items/item0", scopes[child].text);
                    add(&mut scopes, text, Some(child));
                }
            }
        }
    }
    (scopes, management, all)
}

/// Groups in six levels, each but those of the uppermost in one of the level above, some in two; users in one
/// to four groups.
fn memberships(principals: usize, groups: usize, random: &mut Random) -> Vec<Vec<usize>> {
    let levels = 6.min(groups);
    let first_of = |level: usize| level * groups / levels;
    let mut groups_of = vec![Vec::new(); principals];
    for level in 1..levels {
        for group in first_of(level)..first_of(level + 1) {
            for _ in 0..1 + random.below(8) / 7 {
                let parent = first_of(level - 1) + random.below(first_of(level) - first_of(level - 1));
                if !groups_of[group].contains(&parent) {
                    groups_of[group].push(parent);
                }
            }
        }
    }
    for direct in groups_of.iter_mut().skip(groups) {
        for _ in 0..1 + random.below(4) {
            let group = random.below(groups);
            if !direct.contains(&group) {
                direct.push(group);
            }
        }
    }
    groups_of
}

/// A GUID that looks like one.
pub fn guid(number: u64, kind: u64) -> uuid::Uuid {
    let mut random = Random::new(number ^ (kind << 56));
    let half = |random: &mut Random| random.below(usize::MAX) as u64;
    let (high, low) = (half(&mut random), half(&mut random));
    uuid::Builder::from_u128(u128::from(high) << 64 | u128::from(low))
        .with_version(uuid::Version::Random)
        .into_uuid()
}
