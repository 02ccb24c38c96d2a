-- Row-level security on every table that has a workspace, for a second run of the tests (`make versions`, `make rls`). A
-- statement sees and writes only what belongs to the workspace in `kurz.workspace`, and nothing when that is empty.
-- Production does without: there the conditions of the questions themselves are the rule, and this shows that none
-- forgot its own.

do $$ begin
  create role kurz_plain nologin;  -- neither superuser nor owner: whoever is, passes every policy
exception when duplicate_object then null;  -- roles belong to the cluster, not to the database
end $$;

-- Only by the names of the tables here: partitions cannot be asked directly, and who was seen (visitor, visitor_salt)
-- not at all.
grant select, insert, update, delete on workspace, domain, api_key, member, audit_entry, instance, user_account, link,
  link_total, retired_code, click, click_slot, click_day, erased_workspace, erased_link to kurz_plain;
-- The ledger has no workspace. Deleting a link holds up loads, for which a lock is taken.
grant select, update on click_batch to kurz_plain;
grant select on feed_position to kurz_plain;

create function kurz_workspace() returns bigint stable language sql
  as $$ select nullif(current_setting('kurz.workspace', true), '')::bigint $$;

alter table workspace enable row level security;
alter table domain enable row level security;
alter table api_key enable row level security;
alter table member enable row level security;
alter table audit_entry enable row level security;
alter table instance enable row level security;
alter table user_account enable row level security;
alter table link enable row level security;
alter table link_total enable row level security;
alter table retired_code enable row level security;
alter table click enable row level security;
alter table click_slot enable row level security;
alter table click_day enable row level security;
alter table erased_workspace enable row level security;
alter table erased_link enable row level security;

-- What names its workspace.
create policy own on workspace using (id = (select kurz_workspace()));
create policy own on erased_workspace using (id = (select kurz_workspace()));
create policy own on api_key using (workspace_id = (select kurz_workspace()));
create policy own on member using (workspace_id = (select kurz_workspace()));
create policy own on audit_entry using (workspace_id = (select kurz_workspace()));
create policy own on instance using (workspace_id = (select kurz_workspace()));
create policy own on link using (workspace_id = (select kurz_workspace()));
create policy own on link_total using (workspace_id = (select kurz_workspace()));
create policy own on click using (workspace_id = (select kurz_workspace()));
-- Without a workspace a domain is the installation's, which all may use and none may change.
create policy own on domain using (workspace_id = (select kurz_workspace()));
create policy everyones on domain for select using (workspace_id is null);

-- What belongs to something that names its workspace; the policies above hold inside these too.
create policy members on user_account using (exists (select from member m where m.user_id = user_account.id));
create policy of_domain on retired_code using (exists (select from domain d where d.id = retired_code.domain_id));
create policy of_link on erased_link using (exists (select from link l where l.id = erased_link.id));
create policy of_owner on click_slot using (case scope
  when 1 then exists (select from link_total t where t.link_id = scope_id) when 2 then scope_id = kurz_workspace() end);
create policy of_owner on click_day using (case scope
  when 1 then exists (select from link_total t where t.link_id = scope_id) when 2 then scope_id = kurz_workspace() end);
