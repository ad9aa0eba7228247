-- Made by: python -m tools.desk
-- contenttypes 0001_initial
-- contenttypes 0002_remove_content_type_name
-- auth 0001_initial
-- auth 0002_alter_permission_name_max_length
-- auth 0003_alter_user_email_max_length
-- auth 0004_alter_user_username_opts
-- auth 0005_alter_user_last_login_null
-- auth 0006_require_contenttypes_0002
-- auth 0007_alter_validators_add_error_messages
-- auth 0008_alter_user_username_max_length
-- auth 0009_alter_user_last_name_max_length
-- auth 0010_alter_group_name_max_length
-- auth 0011_update_proxy_permissions
-- auth 0012_alter_user_first_name_max_length
-- governance 0001_initial
-- account 0001_initial
-- account 0002_email_max_length
-- account 0003_alter_emailaddress_create_unique_verified_email
-- account 0004_alter_emailaddress_drop_unique_email
-- account 0005_emailaddress_idx_upper_email
-- account 0006_emailaddress_lower
-- account 0007_emailaddress_idx_email
-- account 0008_emailaddress_unique_primary_email_fixup
-- account 0009_emailaddress_unique_primary_email
-- admin 0001_initial
-- admin 0002_logentry_remove_auto_add
-- admin 0003_logentry_add_action_flag_choices
-- causes 0001_initial
-- causes 0002_mention
-- competitors 0001_initial
-- governance 0002_access
-- governance 0003_keys
-- governance 0004_signin
-- governance 0005_audit
-- governance 0006_rights
-- customers 0001_initial
-- customers 0002_filters_read_the_index
-- customers 0003_backup
-- customers 0004_vault
-- customers 0005_vault_rows
-- customers 0006_whose
-- customers 0007_identity
-- customers 0008_relations
-- customers 0009_fields
-- customers 0010_tiers
-- customers 0011_segments
-- customers 0012_archivings
-- customers 0013_tags
-- customers 0014_boards
-- customers 0015_objects
-- customers 0016_packs
-- customers 0017_models
-- customers 0018_told
-- mfa 0001_initial
-- mfa 0002_authenticator_timestamps
-- mfa 0003_authenticator_type_uniq
-- sessions 0001_initial
-- socialaccount 0001_initial
-- socialaccount 0002_token_max_lengths
-- socialaccount 0003_extra_data_default_dict
-- socialaccount 0004_app_provider_id_settings
-- socialaccount 0005_socialtoken_nullable_app
-- socialaccount 0006_alter_socialaccount_extra_data
-- usersessions 0001_initial
-- work 0001_initial
-- work 0002_feeds
-- work 0003_templates_mend
-- work 0004_corrections

CREATE TABLE "account_emailaddress" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "verified" bool NOT NULL, "primary" bool NOT NULL, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "email" varchar(254) NOT NULL)

CREATE TABLE "account_emailconfirmation" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created" datetime NOT NULL, "sent" datetime NULL, "key" varchar(64) NOT NULL UNIQUE, "email_address_id" integer NOT NULL REFERENCES "account_emailaddress" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "auth_group" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(150) NOT NULL UNIQUE)

CREATE TABLE "auth_group_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "group_id" integer NOT NULL REFERENCES "auth_group" ("id") DEFERRABLE INITIALLY DEFERRED, "permission_id" integer NOT NULL REFERENCES "auth_permission" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "auth_permission" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "content_type_id" integer NOT NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED, "codename" varchar(100) NOT NULL, "name" varchar(255) NOT NULL)

CREATE TABLE "causes_idea" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "cause" varchar(60) NOT NULL, "text" text NOT NULL, "at" datetime NOT NULL, "state" varchar(10) NOT NULL, "decision" text NOT NULL, "due" date NULL, "decided_at" datetime NULL, "by_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "decided_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "owner_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "causes_ideacomment" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "text" text NOT NULL, "at" datetime NOT NULL, "by_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "idea_id" bigint NOT NULL REFERENCES "causes_idea" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "causes_ideavote" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "idea_id" bigint NOT NULL REFERENCES "causes_idea" ("id") DEFERRABLE INITIALLY DEFERRED, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "idea_vote_once" UNIQUE ("idea_id", "user_id"))

CREATE TABLE "causes_keptcause" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "code" varchar(60) NOT NULL UNIQUE, "name_en" varchar(80) NOT NULL, "name_zh" varchar(80) NOT NULL, "parent" varchar(60) NOT NULL, "control" varchar(20) NOT NULL, "side" varchar(20) NOT NULL, "nature" varchar(20) NOT NULL, "vague" bool NOT NULL, "retired_at" datetime NULL, "version" integer NOT NULL, CONSTRAINT "cause_not_its_own_branch" CHECK (NOT ("parent" = ("code"))))

CREATE TABLE "causes_mention" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "why" varchar(10) NOT NULL, "at" datetime NOT NULL, "read_at" datetime NULL, "by_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "comment_id" bigint NULL REFERENCES "causes_ideacomment" ("id") DEFERRABLE INITIALLY DEFERRED, "idea_id" bigint NOT NULL REFERENCES "causes_idea" ("id") DEFERRABLE INITIALLY DEFERRED, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "causes_statement" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "own_id" bigint NOT NULL, "said_at" datetime NOT NULL, "came_from" varchar(20) NOT NULL, "record_key" varchar(32) NULL UNIQUE, "text" text NOT NULL, "competitor" varchar(80) NOT NULL, "left_on" date NULL, "suggested" varchar(60) NOT NULL, "confidence" real NOT NULL, "suggested_by" varchar(10) NOT NULL, "went_by" text NOT NULL, "looked_with" varchar(16) NOT NULL, "state" varchar(10) NOT NULL, "confirmed" varchar(60) NOT NULL, "reviewed_at" datetime NULL, "made_at" datetime NOT NULL, "withdrawn_at" datetime NULL, "version" integer NOT NULL, "reviewed_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "said_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "statement_confirmed_has_cause" CHECK ((("state" = 'confirmed' AND NOT ("confirmed" = '')) OR (NOT ("state" = 'confirmed') AND "confirmed" = ''))))

CREATE TABLE "competitors_competitor" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(80) NOT NULL UNIQUE, "aliases" text NOT NULL CHECK ((JSON_VALID("aliases") OR "aliases" IS NULL)), "offers" text NOT NULL, "prices" text NOT NULL, "strengths" text NOT NULL, "website" varchar(200) NOT NULL, "made_at" datetime NOT NULL, "changed_at" datetime NOT NULL, "archived_at" datetime NULL)

CREATE TABLE "competitors_loss" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "own_id" bigint NOT NULL, "on" date NOT NULL, "verdict" varchar(10) NOT NULL, "found_in" varchar(30) NOT NULL, "record" varchar(200) NOT NULL, "note" text NOT NULL, "decided_at" datetime NOT NULL, "competitor_id" bigint NOT NULL REFERENCES "competitors_competitor" ("id") DEFERRABLE INITIALLY DEFERRED, "decided_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "loss_once" UNIQUE ("competitor_id", "own_id", "found_in", "record"), CONSTRAINT "loss_verdict_is_known" CHECK ("verdict" IN ('confirmed', 'denied')))

CREATE TABLE "competitors_move" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "on" date NOT NULL, "kind" varchar(10) NOT NULL, "title" varchar(200) NOT NULL, "detail" text NOT NULL, "source" varchar(200) NOT NULL, "aims_at" text NOT NULL CHECK ((JSON_VALID("aims_at") OR "aims_at" IS NULL)), "noted_at" datetime NOT NULL, "competitor_id" bigint NOT NULL REFERENCES "competitors_competitor" ("id") DEFERRABLE INITIALLY DEFERRED, "noticed_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_archivedrecord" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "contract" varchar(60) NOT NULL, "ids_of" varchar(100) NOT NULL, "key" varchar(900) NOT NULL, "source" varchar(200) NOT NULL, "number" varchar(200) NOT NULL, "own_id" bigint NULL, "archiving_id" bigint NOT NULL REFERENCES "customers_archiving" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "archived_once" UNIQUE ("contract", "ids_of", "key"))

CREATE TABLE "customers_archiving" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "deed" varchar(32) NOT NULL UNIQUE, "contract" varchar(60) NOT NULL, "source" varchar(200) NOT NULL, "field" varchar(100) NOT NULL, "flaw" varchar(60) NOT NULL, "migration" bigint NULL, "reason" varchar(300) NOT NULL, "records" integer NOT NULL, "made_at" datetime NOT NULL, "made_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_board" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(80) NOT NULL, "made_at" datetime NOT NULL, "changed_at" datetime NOT NULL, "links" integer NOT NULL, "linked" bool NOT NULL, "owner_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_boardshare" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "kind" varchar(10) NOT NULL, "role" varchar(40) NOT NULL, "board_id" bigint NOT NULL REFERENCES "customers_board" ("id") DEFERRABLE INITIALLY DEFERRED, "team_id" bigint NULL REFERENCES "governance_team" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_boardtile" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "place" integer NOT NULL, "kind" varchar(40) NOT NULL, "options" text NOT NULL CHECK ((JSON_VALID("options") OR "options" IS NULL)), "width" integer NOT NULL, "board_id" bigint NOT NULL REFERENCES "customers_board" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "board_tile_width" CHECK (("width" >= 1 AND "width" <= 4)))

CREATE TABLE "customers_cover" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "since" date NOT NULL, "until" date NOT NULL, "deputy_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "manager_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "cover_ends_after_it_begins" CHECK ("until" >= ("since")), CONSTRAINT "cover_is_somebody_else" CHECK (NOT ("manager_id" = ("deputy_id"))))

CREATE TABLE "customers_customedit" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "own_id" bigint NOT NULL, "ids_of" varchar(100) NOT NULL, "customer_number" varchar(200) NOT NULL, "before" text NOT NULL, "after" text NOT NULL, "through" varchar(20) NOT NULL, "at" datetime NOT NULL, "told_at" datetime NULL, "actor_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "field_id" bigint NOT NULL REFERENCES "customers_customfield" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_customer" ("person_id" bigint NOT NULL PRIMARY KEY, "customer_id" varchar(200) NOT NULL, "source" varchar(100) NOT NULL, "also_known_as" text NOT NULL CHECK ((JSON_VALID("also_known_as") OR "also_known_as" IS NULL)), "name" varchar(300) NOT NULL, "pinyin" varchar(600) NOT NULL, "search_text" text NOT NULL, "kind" varchar(40) NOT NULL, "phone" text NOT NULL, "phone_last4" varchar(32) NOT NULL, "email" text NOT NULL, "region" varchar(100) NOT NULL, "city" varchar(100) NOT NULL, "language" varchar(40) NOT NULL, "assigned_here" bool NOT NULL, "blocked" bool NOT NULL, "created_on" date NULL, "owner_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "team_id" bigint NULL REFERENCES "governance_team" ("id") DEFERRABLE INITIALLY DEFERRED, "sealed_under" varchar(8) NOT NULL, "phone_index" varchar(32) NOT NULL, "email_index" varchar(32) NOT NULL)

CREATE TABLE "customers_customfield" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "contract" varchar(60) NOT NULL, "name_en" varchar(120) NOT NULL, "name_zh" varchar(120) NOT NULL, "kind" varchar(20) NOT NULL, "choices" text NOT NULL CHECK ((JSON_VALID("choices") OR "choices" IS NULL)), "required" bool NOT NULL, "default" text NOT NULL, "help_en" varchar(300) NOT NULL, "help_zh" varchar(300) NOT NULL, "section" varchar(60) NOT NULL, "place" integer NOT NULL, "personal" bool NOT NULL, "guarded_as" varchar(40) NOT NULL, "headers" text NOT NULL CHECK ((JSON_VALID("headers") OR "headers" IS NULL)), "made_at" datetime NOT NULL, "archived_at" datetime NULL, "grows" bool NOT NULL, "searched" bool NOT NULL)

CREATE TABLE "customers_customvalue" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "value" text NOT NULL, "text" varchar(200) NOT NULL, "number" bigint NULL, "sealed_under" varchar(8) NOT NULL, "sealed" text NOT NULL, "sealed_index" varchar(32) NOT NULL, "customer_id" bigint NOT NULL REFERENCES "customers_customer" ("person_id") DEFERRABLE INITIALLY DEFERRED, "field_id" bigint NOT NULL REFERENCES "customers_customfield" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "custom_value_once" UNIQUE ("customer_id", "field_id"))

CREATE TABLE "customers_formlayout" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "contract" varchar(60) NOT NULL, "audience" varchar(40) NOT NULL, "sections" text NOT NULL CHECK ((JSON_VALID("sections") OR "sections" IS NULL)), "facts" text NOT NULL CHECK ((JSON_VALID("facts") OR "facts" IS NULL)), "hidden" text NOT NULL CHECK ((JSON_VALID("hidden") OR "hidden" IS NULL)), "changed_at" datetime NOT NULL, CONSTRAINT "layout_once" UNIQUE ("contract", "audience"))

CREATE TABLE "customers_identitydecision" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "deed" varchar(32) NOT NULL, "kind" varchar(10) NOT NULL, "verdict" varchar(10) NOT NULL, "left_ids_of" varchar(100) NOT NULL, "left_customer_id" varchar(200) NOT NULL, "left_own" bigint NOT NULL, "right_ids_of" varchar(100) NOT NULL, "right_customer_id" varchar(200) NOT NULL, "right_own" bigint NOT NULL, "note" text NOT NULL, "decided_at" datetime NOT NULL, "superseded_by" varchar(32) NOT NULL, "withdrawn_at" datetime NULL, "settled_at" datetime NULL, "decided_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "withdrawn_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "decision_verdict_is_known" CHECK ("verdict" IN ('join', 'apart')), CONSTRAINT "decision_is_ordered" CHECK ("left_own" < ("right_own")))

CREATE TABLE "customers_modeldecision" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" integer NOT NULL UNIQUE, "deed" varchar(20) NOT NULL, "definition" varchar(80) NOT NULL, "model_version" integer NULL, "policy" text NOT NULL CHECK ((JSON_VALID("policy") OR "policy" IS NULL)), "made_at" datetime NOT NULL, "made_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_ownbatch" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "file" varchar(200) NOT NULL, "source" varchar(100) NOT NULL, "at" datetime NOT NULL, "made" integer NOT NULL, "changed" integer NOT NULL, "same" integer NOT NULL, "rejected" integer NOT NULL, "undone_at" datetime NULL, "actor_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "object_id" bigint NOT NULL REFERENCES "customers_ownobject" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_ownbefore" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "made" bool NOT NULL, "said_by" bigint NOT NULL, "links" text NOT NULL CHECK ((JSON_VALID("links") OR "links" IS NULL)), "sealed_under" varchar(8) NOT NULL, "was" text NOT NULL, "batch_id" bigint NOT NULL REFERENCES "customers_ownbatch" ("id") DEFERRABLE INITIALLY DEFERRED, "record_id" bigint NOT NULL REFERENCES "customers_ownrecord" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "own_before_once" UNIQUE ("batch_id", "record_id"))

CREATE TABLE "customers_ownlink" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "own_id" bigint NOT NULL, "record_id" bigint NOT NULL REFERENCES "customers_ownrecord" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "own_link_once" UNIQUE ("record_id", "own_id"))

CREATE TABLE "customers_ownobject" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name_en" varchar(120) NOT NULL, "name_zh" varchar(120) NOT NULL, "help_en" varchar(300) NOT NULL, "help_zh" varchar(300) NOT NULL, "many" bool NOT NULL, "made_at" datetime NOT NULL, "archived_at" datetime NULL)

CREATE TABLE "customers_ownrecord" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" varchar(200) NOT NULL, "made_at" datetime NOT NULL, "changed_at" datetime NOT NULL, "batch_id" bigint NULL REFERENCES "customers_ownbatch" ("id") DEFERRABLE INITIALLY DEFERRED, "object_id" bigint NOT NULL REFERENCES "customers_ownobject" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "own_record_once" UNIQUE ("object_id", "number"))

CREATE TABLE "customers_ownvalue" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "value" text NOT NULL, "text" varchar(200) NOT NULL, "number" bigint NULL, "sealed_under" varchar(8) NOT NULL, "sealed" text NOT NULL, "sealed_index" varchar(32) NOT NULL, "field_id" bigint NOT NULL REFERENCES "customers_customfield" ("id") DEFERRABLE INITIALLY DEFERRED, "record_id" bigint NOT NULL REFERENCES "customers_ownrecord" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "own_value_once" UNIQUE ("record_id", "field_id"))

CREATE TABLE "customers_practiceversion" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "version" integer NOT NULL UNIQUE, "deed" varchar(20) NOT NULL, "pack" varchar(60) NOT NULL, "values" text NOT NULL CHECK ((JSON_VALID("values") OR "values" IS NULL)), "by_hand" text NOT NULL CHECK ((JSON_VALID("by_hand") OR "by_hand" IS NULL)), "tiers_version" integer NULL, "made_at" datetime NOT NULL, "made_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_publication" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "generation" integer NOT NULL, "previous" integer NULL, "rows" integer NOT NULL, "as_of" datetime NOT NULL, "previous_as_of" datetime NULL, "published_at" datetime NOT NULL, "lake_version" bigint NULL, "who" varchar(64) NOT NULL, CONSTRAINT "publication_is_one_row" CHECK ("id" = 1))

CREATE TABLE "customers_relation" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "from_own" bigint NOT NULL, "to_own" bigint NOT NULL, "kind" varchar(30) NOT NULL, "called" varchar(60) NOT NULL, "since" date NULL, "until" date NULL, "source" varchar(60) NOT NULL, "note" text NOT NULL, "said_at" datetime NOT NULL, "said_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "dropped_at" datetime NULL, "imported" bool NOT NULL, CONSTRAINT "relation_once" UNIQUE ("from_own", "to_own", "kind", "called"), CONSTRAINT "relation_of_two" CHECK (NOT ("from_own" = ("to_own"))), CONSTRAINT "relation_ends_after_it_began" CHECK (("until" IS NULL OR "since" IS NULL OR "until" >= ("since"))))

CREATE TABLE "customers_savedview" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(80) NOT NULL, "query" varchar(2000) NOT NULL, "shared" bool NOT NULL, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "about" varchar(60) NOT NULL, CONSTRAINT "saved_view_once" UNIQUE ("user_id", "about", "name"))

CREATE TABLE "customers_score" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "generation" integer NOT NULL, "first_order_on" date NULL, "last_order_on" date NULL, "recency_days" integer NULL, "frequency" integer NULL, "monetary_base_minor" bigint NULL, "r" smallint NULL, "f" smallint NULL, "m" smallint NULL, "rfm_cell" varchar(60) NOT NULL, "abc" varchar(4) NOT NULL, "stage" varchar(40) NOT NULL, "stage_why_en" text NOT NULL, "stage_why_zh" text NOT NULL, "p_alive" real NULL, "value_base_minor" bigint NULL, "value_decile" smallint NULL, "churn_probability" real NULL, "risk_band" varchar(20) NOT NULL, "reasons" text NOT NULL CHECK ((JSON_VALID("reasons") OR "reasons" IS NULL)), "fee_base_minor" bigint NULL, "open_cases" integer NULL, "last_nps" real NULL, "extra" text NOT NULL, "risk_key" real NOT NULL, "value_key" bigint NOT NULL, "spent_key" bigint NOT NULL, "recency_key" integer NOT NULL, "at_risk_minor" bigint NOT NULL, "customer_id" bigint NOT NULL REFERENCES "customers_customer" ("person_id") DEFERRABLE INITIALLY DEFERRED, "sealed_under" varchar(8) NOT NULL, "owner_id" bigint NULL, "region" varchar(100) NOT NULL, "team_id" bigint NULL, "persona" varchar(20) NOT NULL, "tier" varchar(20) NOT NULL, "told" bigint NULL, CONSTRAINT "score_once" UNIQUE ("customer_id", "generation"))

CREATE TABLE "customers_segment" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(120) NOT NULL, "kind" varchar(10) NOT NULL, "definition" text NOT NULL CHECK ((JSON_VALID("definition") OR "definition" IS NULL)), "version" integer NOT NULL, "shared" varchar(10) NOT NULL, "people" integer NULL, "as_of" datetime NULL, "worked_out_at" datetime NULL, "worked_out_by" integer NULL, "made_at" datetime NOT NULL, "archived_at" datetime NULL, "owner_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "team_id" bigint NULL REFERENCES "governance_team" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_segmentchange" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "entered" bool NOT NULL, "people" integer NOT NULL, "first" bool NOT NULL, "at" datetime NOT NULL, "told_at" datetime NULL, "segment_id" bigint NOT NULL REFERENCES "customers_segment" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_segmentmember" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "person_id" bigint NOT NULL, "entered_at" datetime NOT NULL, "left_at" datetime NULL, "entered_with_id" bigint NOT NULL REFERENCES "customers_segmentchange" ("id") DEFERRABLE INITIALLY DEFERRED, "left_with_id" bigint NULL REFERENCES "customers_segmentchange" ("id") DEFERRABLE INITIALLY DEFERRED, "segment_id" bigint NOT NULL REFERENCES "customers_segment" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "customers_segmentversion" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" integer NOT NULL, "name" varchar(120) NOT NULL, "definition" text NOT NULL CHECK ((JSON_VALID("definition") OR "definition" IS NULL)), "at" datetime NOT NULL, "actor_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "segment_id" bigint NOT NULL REFERENCES "customers_segment" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "segment_version_once" UNIQUE ("segment_id", "number"))

CREATE TABLE "customers_tierrule" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "version" integer NOT NULL UNIQUE, "rule" text NOT NULL CHECK ((JSON_VALID("rule") OR "rule" IS NULL)), "policies" text NOT NULL CHECK ((JSON_VALID("policies") OR "policies" IS NULL)), "note" varchar(300) NOT NULL, "made_at" datetime NOT NULL, "made_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "django_admin_log" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "object_id" text NULL, "object_repr" varchar(200) NOT NULL, "action_flag" smallint unsigned NOT NULL CHECK ("action_flag" >= 0), "change_message" text NOT NULL, "content_type_id" integer NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "action_time" datetime NOT NULL)

CREATE TABLE "django_content_type" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app_label" varchar(100) NOT NULL, "model" varchar(100) NOT NULL)

CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL)

CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL)

CREATE TABLE "governance_auditentry" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "at" datetime NOT NULL, "verb" varchar(60) NOT NULL, "object_type" varchar(60) NOT NULL, "object_id" varchar(100) NOT NULL, "detail" text NOT NULL CHECK ((JSON_VALID("detail") OR "detail" IS NULL)), "actor_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "once" varchar(200) NULL UNIQUE, "sealed" text NOT NULL)

CREATE TABLE "governance_chainlink" ("position" bigint NOT NULL PRIMARY KEY, "hash" varchar(64) NOT NULL, "entry_id" bigint NOT NULL UNIQUE REFERENCES "governance_auditentry" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "chain_begins_at_one" CHECK ("position" >= 1))

CREATE TABLE "governance_consententry" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "person_id" bigint NOT NULL, "purpose" varchar(40) NOT NULL, "channel" varchar(40) NOT NULL, "state" varchar(20) NOT NULL, "evidence" text NOT NULL, "source" varchar(60) NOT NULL, "at" datetime NOT NULL, "recorded_at" datetime NOT NULL, "expires_at" datetime NULL, "actor_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "consent_state_is_known" CHECK ("state" IN ('given', 'refused', 'withdrawn')), CONSTRAINT "consent_only_a_yes_ends" CHECK (("state" = 'given' OR "expires_at" IS NULL)))

CREATE TABLE "governance_customrole" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "code" varchar(20) NOT NULL UNIQUE, "name_en" varchar(60) NOT NULL, "name_zh" varchar(60) NOT NULL, "meaning_en" varchar(200) NOT NULL, "meaning_zh" varchar(200) NOT NULL, "reach" varchar(10) NOT NULL, "objects_reach" text NOT NULL CHECK ((JSON_VALID("objects_reach") OR "objects_reach" IS NULL)), "permissions" text NOT NULL CHECK ((JSON_VALID("permissions") OR "permissions" IS NULL)), "fields" text NOT NULL CHECK ((JSON_VALID("fields") OR "fields" IS NULL)))

CREATE TABLE "governance_erasedperson" ("own_id" bigint NOT NULL PRIMARY KEY, "request_id" bigint NOT NULL REFERENCES "governance_subjectrequest" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "governance_grant" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "partner" varchar(200) NOT NULL, "fields" text NOT NULL CHECK ((JSON_VALID("fields") OR "fields" IS NULL)), "person_ids" text NOT NULL CHECK ((JSON_VALID("person_ids") OR "person_ids" IS NULL)), "starts_at" datetime NOT NULL, "until" datetime NOT NULL, "created_at" datetime NOT NULL, "revoked_at" datetime NULL, "token_hash" varchar(64) NOT NULL UNIQUE, "created_by_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "revoked_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "grant_ends_after_start" CHECK ("until" > ("starts_at")))

CREATE TABLE "governance_key" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(80) NOT NULL, "role" varchar(20) NOT NULL, "prefix" varchar(20) NOT NULL UNIQUE, "digest" varchar(64) NOT NULL, "made_at" datetime NOT NULL, "expires_at" datetime NOT NULL, "last_used_at" datetime NULL, "revoked_at" datetime NULL, "owner_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "governance_personmerge" ("own_id" bigint NOT NULL PRIMARY KEY, "person_id" bigint NOT NULL)

CREATE TABLE "governance_preferencelink" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "nonce" varchar(43) NOT NULL UNIQUE, "person_id" bigint NOT NULL, "issued_at" datetime NOT NULL, "expires_at" datetime NOT NULL, "revoked_at" datetime NULL, "issued_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "governance_retention" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "contract" varchar(60) NOT NULL UNIQUE, "months" integer unsigned NOT NULL CHECK ("months" >= 0), "what" varchar(20) NOT NULL, "changed_at" datetime NOT NULL)

CREATE TABLE "governance_sharedvalue" ("key" varchar(250) NOT NULL PRIMARY KEY, "value" text NOT NULL CHECK ((JSON_VALID("value") OR "value" IS NULL)), "expires_at" real NULL)

CREATE TABLE "governance_subjectrequest" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "kind" varchar(20) NOT NULL, "person_id" bigint NOT NULL, "state" varchar(20) NOT NULL, "received_at" datetime NOT NULL, "due_on" date NOT NULL, "note" text NOT NULL, "started_at" datetime NULL, "done_at" datetime NULL, "steps" text NOT NULL CHECK ((JSON_VALID("steps") OR "steps" IS NULL)), "wanted" text NOT NULL, "own_ids" text NOT NULL CHECK ((JSON_VALID("own_ids") OR "own_ids" IS NULL)), "certificate" text NULL CHECK ((JSON_VALID("certificate") OR "certificate" IS NULL)), "done_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "opened_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "request_kind_is_known" CHECK ("kind" IN ('export', 'correct', 'erase', 'anonymise')))

CREATE TABLE "governance_team" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(100) NOT NULL UNIQUE, "region" varchar(100) NOT NULL)

CREATE TABLE "governance_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "password" varchar(128) NOT NULL, "last_login" datetime NULL, "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "first_name" varchar(150) NOT NULL, "last_name" varchar(150) NOT NULL, "email" varchar(254) NOT NULL, "is_staff" bool NOT NULL, "is_active" bool NOT NULL, "date_joined" datetime NOT NULL, "role" varchar(20) NOT NULL, "regions" text NOT NULL CHECK ((JSON_VALID("regions") OR "regions" IS NULL)), "language" varchar(10) NOT NULL, "team_id" bigint NULL REFERENCES "governance_team" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "governance_user_groups" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "group_id" integer NOT NULL REFERENCES "auth_group" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "governance_user_user_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "permission_id" integer NOT NULL REFERENCES "auth_permission" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "mfa_authenticator" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "type" varchar(20) NOT NULL, "data" text NOT NULL CHECK ((JSON_VALID("data") OR "data" IS NULL)), "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "created_at" datetime NOT NULL, "last_used_at" datetime NULL)

CREATE TABLE "socialaccount_socialaccount" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "provider" varchar(200) NOT NULL, "uid" varchar(191) NOT NULL, "last_login" datetime NOT NULL, "date_joined" datetime NOT NULL, "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "extra_data" text NOT NULL CHECK ((JSON_VALID("extra_data") OR "extra_data" IS NULL)))

CREATE TABLE "socialaccount_socialapp" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "provider" varchar(30) NOT NULL, "name" varchar(40) NOT NULL, "client_id" varchar(191) NOT NULL, "secret" varchar(191) NOT NULL, "key" varchar(191) NOT NULL, "provider_id" varchar(200) NOT NULL, "settings" text NOT NULL CHECK ((JSON_VALID("settings") OR "settings" IS NULL)))

CREATE TABLE "socialaccount_socialtoken" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "token" text NOT NULL, "token_secret" text NOT NULL, "expires_at" datetime NULL, "account_id" integer NOT NULL REFERENCES "socialaccount_socialaccount" ("id") DEFERRABLE INITIALLY DEFERRED, "app_id" integer NULL REFERENCES "socialaccount_socialapp" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "usersessions_usersession" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL, "ip" char(39) NOT NULL, "last_seen_at" datetime NOT NULL, "session_key" varchar(40) NOT NULL UNIQUE, "user_agent" varchar(200) NOT NULL, "data" text NOT NULL CHECK ((JSON_VALID("data") OR "data" IS NULL)), "user_id" bigint NOT NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "work_corrections" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "source" varchar(60) NOT NULL, "contract" varchar(60) NOT NULL, "pairs" text NOT NULL CHECK ((JSON_VALID("pairs") OR "pairs" IS NULL)), CONSTRAINT "corrections_of_source" UNIQUE ("source", "contract"))

CREATE TABLE "work_feed" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(80) NOT NULL, "kind" varchar(10) NOT NULL, "source" varchar(60) NOT NULL, "contract" varchar(60) NOT NULL, "sealed_under" varchar(8) NOT NULL, "dsn" text NOT NULL, "address" varchar(300) NOT NULL, "table" varchar(200) NOT NULL, "query" text NOT NULL, "ranges" text NOT NULL CHECK ((JSON_VALID("ranges") OR "ranges" IS NULL)), "folder" varchar(500) NOT NULL, "move" bool NOT NULL, "mapping" text NOT NULL CHECK ((JSON_VALID("mapping") OR "mapping" IS NULL)), "suspects" text NOT NULL CHECK ((JSON_VALID("suspects") OR "suspects" IS NULL)), "zone" varchar(60) NOT NULL, "ids_of" varchar(60) NOT NULL, "watermark" varchar(200) NOT NULL, "overlap" integer unsigned NOT NULL CHECK ("overlap" >= 0), "known" text NOT NULL, "looked" text NOT NULL CHECK ((JSON_VALID("looked") OR "looked" IS NULL)), "every_minutes" integer unsigned NULL CHECK ("every_minutes" >= 0), "daily_at" varchar(5) NOT NULL, "next_at" datetime NULL, "state" varchar(10) NOT NULL, "made_at" datetime NOT NULL, "removed_at" datetime NULL, "made_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, "migration_id" bigint NULL REFERENCES "work_migration" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "work_feedrun" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "job" bigint NULL, "file" varchar(255) NOT NULL, "state" varchar(10) NOT NULL, "started_at" datetime NOT NULL, "ended_at" datetime NULL, "fingerprint" varchar(64) NOT NULL, "batch" varchar(120) NOT NULL, "read" bigint NOT NULL, "known" bigint NOT NULL, "accepted" bigint NOT NULL, "rejected" bigint NOT NULL, "from_mark" text NULL CHECK ((JSON_VALID("from_mark") OR "from_mark" IS NULL)), "sealed_under" varchar(8) NOT NULL, "leaves" text NOT NULL, "error" text NOT NULL CHECK ((JSON_VALID("error") OR "error" IS NULL)), "feed_id" bigint NOT NULL REFERENCES "work_feed" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "work_job" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "kind" varchar(40) NOT NULL, "params" text NOT NULL CHECK ((JSON_VALID("params") OR "params" IS NULL)), "state" text NOT NULL CHECK ((JSON_VALID("state") OR "state" IS NULL)), "result" text NOT NULL CHECK ((JSON_VALID("result") OR "result" IS NULL)), "step" text NOT NULL CHECK ((JSON_VALID("step") OR "step" IS NULL)), "done" bigint NOT NULL, "total" bigint NOT NULL, "status" varchar(10) NOT NULL, "error" text NOT NULL CHECK ((JSON_VALID("error") OR "error" IS NULL)), "once" varchar(200) NOT NULL, "language" varchar(10) NOT NULL, "tries" smallint unsigned NOT NULL CHECK ("tries" >= 0), "asked_at" datetime NOT NULL, "started_at" datetime NULL, "finished_at" datetime NULL, "stop_asked_at" datetime NULL, "heartbeat_at" datetime NULL, "lease_until" datetime NULL, "lease_holder" varchar(120) NOT NULL, "asked_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "work_mappingtemplate" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(80) NOT NULL, "source" varchar(60) NOT NULL, "contract" varchar(60) NOT NULL, "choices" text NOT NULL CHECK ((JSON_VALID("choices") OR "choices" IS NULL)), "headers" text NOT NULL CHECK ((JSON_VALID("headers") OR "headers" IS NULL)), "made_at" datetime NOT NULL, "made_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "mapping_template_name" UNIQUE ("source", "name"))

CREATE TABLE "work_migration" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(80) NOT NULL UNIQUE, "state" varchar(12) NOT NULL, "compared" text NOT NULL CHECK ((JSON_VALID("compared") OR "compared" IS NULL)), "compared_at" datetime NULL, "made_at" datetime NOT NULL, "made_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE TABLE "work_upload" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "key" varchar(40) NOT NULL UNIQUE, "name" varchar(200) NOT NULL, "kind" varchar(20) NOT NULL, "size" bigint NOT NULL, "fingerprint" varchar(64) NOT NULL, "choices" text NOT NULL CHECK ((JSON_VALID("choices") OR "choices" IS NULL)), "uploaded_at" datetime NOT NULL, "expires_at" datetime NOT NULL, "gone_at" datetime NULL, "batch" varchar(120) NOT NULL, "job_id" bigint NULL REFERENCES "work_job" ("id") DEFERRABLE INITIALLY DEFERRED, "uploaded_by_id" bigint NULL REFERENCES "governance_user" ("id") DEFERRABLE INITIALLY DEFERRED)

CREATE INDEX "account_emailaddress_email_03be32b2" ON "account_emailaddress" ("email")

CREATE INDEX "account_emailaddress_user_id_2c513194" ON "account_emailaddress" ("user_id")

CREATE UNIQUE INDEX "account_emailaddress_user_id_email_987c8728_uniq" ON "account_emailaddress" ("user_id", "email")

CREATE UNIQUE INDEX "unique_primary_email" ON "account_emailaddress" ("user_id", "primary") WHERE "primary"

CREATE UNIQUE INDEX "unique_verified_email" ON "account_emailaddress" ("email") WHERE "verified"

CREATE INDEX "account_emailconfirmation_email_address_id_5b7f8c58" ON "account_emailconfirmation" ("email_address_id")

CREATE INDEX "auth_group_permissions_group_id_b120cbf9" ON "auth_group_permissions" ("group_id")

CREATE UNIQUE INDEX "auth_group_permissions_group_id_permission_id_0cd325b0_uniq" ON "auth_group_permissions" ("group_id", "permission_id")

CREATE INDEX "auth_group_permissions_permission_id_84c5c92e" ON "auth_group_permissions" ("permission_id")

CREATE INDEX "auth_permission_content_type_id_2f476e4b" ON "auth_permission" ("content_type_id")

CREATE UNIQUE INDEX "auth_permission_content_type_id_codename_01ab375a_uniq" ON "auth_permission" ("content_type_id", "codename")

CREATE INDEX "causes_idea_by_id_8f54d631" ON "causes_idea" ("by_id")

CREATE INDEX "causes_idea_cause_0e7117b5" ON "causes_idea" ("cause")

CREATE INDEX "causes_idea_decided_by_id_c4229291" ON "causes_idea" ("decided_by_id")

CREATE INDEX "causes_idea_owner_id_ea2b68db" ON "causes_idea" ("owner_id")

CREATE INDEX "causes_ideacomment_by_id_868d9a00" ON "causes_ideacomment" ("by_id")

CREATE INDEX "causes_ideacomment_idea_id_62b52d6b" ON "causes_ideacomment" ("idea_id")

CREATE INDEX "causes_ideavote_idea_id_48c99a6c" ON "causes_ideavote" ("idea_id")

CREATE INDEX "causes_ideavote_user_id_45f96b5c" ON "causes_ideavote" ("user_id")

CREATE INDEX "causes_mention_by_id_bf8c4e1c" ON "causes_mention" ("by_id")

CREATE INDEX "causes_mention_comment_id_49485f4a" ON "causes_mention" ("comment_id")

CREATE INDEX "causes_mention_idea_id_8a85b2a3" ON "causes_mention" ("idea_id")

CREATE INDEX "causes_mention_user_id_65fcf3d4" ON "causes_mention" ("user_id")

CREATE INDEX "mention_of_user" ON "causes_mention" ("user_id", "read_at", "at" DESC)

CREATE INDEX "causes_statement_own_id_e37591c2" ON "causes_statement" ("own_id")

CREATE INDEX "causes_statement_reviewed_by_id_1f5c2d3f" ON "causes_statement" ("reviewed_by_id")

CREATE INDEX "causes_statement_said_by_id_db947084" ON "causes_statement" ("said_by_id")

CREATE INDEX "statement_left" ON "causes_statement" ("left_on")

CREATE INDEX "statement_queue" ON "causes_statement" ("state", "said_at" DESC)

CREATE INDEX "competitors_loss_competitor_id_d167b816" ON "competitors_loss" ("competitor_id")

CREATE INDEX "competitors_loss_decided_by_id_44a7e746" ON "competitors_loss" ("decided_by_id")

CREATE INDEX "competitors_loss_own_id_aa4808fe" ON "competitors_loss" ("own_id")

CREATE INDEX "competitors_move_competitor_id_0fff3463" ON "competitors_move" ("competitor_id")

CREATE INDEX "competitors_move_noticed_by_id_983c4e05" ON "competitors_move" ("noticed_by_id")

CREATE INDEX "customers_archivedrecord_archiving_id_f9737128" ON "customers_archivedrecord" ("archiving_id")

CREATE INDEX "customers_archivedrecord_own_id_10f63b87" ON "customers_archivedrecord" ("own_id")

CREATE INDEX "archiving_contract" ON "customers_archiving" ("contract")

CREATE INDEX "customers_archiving_made_by_id_29edb643" ON "customers_archiving" ("made_by_id")

CREATE INDEX "customers_board_owner_id_da538658" ON "customers_board" ("owner_id")

CREATE INDEX "customers_boardshare_board_id_508abba2" ON "customers_boardshare" ("board_id")

CREATE INDEX "customers_boardshare_team_id_9a116ddb" ON "customers_boardshare" ("team_id")

CREATE INDEX "board_tile_place" ON "customers_boardtile" ("board_id", "place")

CREATE INDEX "customers_cover_deputy_id_2aadae23" ON "customers_cover" ("deputy_id")

CREATE INDEX "customers_cover_manager_id_d7cd0066" ON "customers_cover" ("manager_id")

CREATE INDEX "custom_edit_of" ON "customers_customedit" ("own_id", "field_id", "id")

CREATE INDEX "custom_edit_untold" ON "customers_customedit" ("id") WHERE "told_at" IS NULL

CREATE INDEX "customers_customedit_actor_id_c96dbe27" ON "customers_customedit" ("actor_id")

CREATE INDEX "customers_customedit_field_id_c7fef9b1" ON "customers_customedit" ("field_id")

CREATE INDEX "customer_number" ON "customers_customer" ("customer_id")

CREATE INDEX "customer_pinyin" ON "customers_customer" ("pinyin", "person_id")

CREATE INDEX "customer_region" ON "customers_customer" ("region")

CREATE INDEX "customers_customer_email_index_014e35d5" ON "customers_customer" ("email_index")

CREATE INDEX "customers_customer_owner_id_fbb2798e" ON "customers_customer" ("owner_id")

CREATE INDEX "customers_customer_phone_index_723f7685" ON "customers_customer" ("phone_index")

CREATE INDEX "customers_customer_phone_last4_94d1c47f" ON "customers_customer" ("phone_last4")

CREATE INDEX "customers_customer_team_id_677425ba" ON "customers_customer" ("team_id")

CREATE INDEX "custom_number" ON "customers_customvalue" ("field_id", "number", "customer_id")

CREATE INDEX "custom_sealed" ON "customers_customvalue" ("field_id", "sealed_index") WHERE NOT ("sealed_index" = '')

CREATE INDEX "custom_text" ON "customers_customvalue" ("field_id", "text", "customer_id")

CREATE INDEX "customers_customvalue_field_id_dfbbdda3" ON "customers_customvalue" ("field_id")

CREATE INDEX "customers_customvalue_sealed_index_b025c349" ON "customers_customvalue" ("sealed_index")

CREATE INDEX "customers_identitydecision_decided_by_id_6a380556" ON "customers_identitydecision" ("decided_by_id")

CREATE INDEX "customers_identitydecision_deed_da4481ee" ON "customers_identitydecision" ("deed")

CREATE INDEX "customers_identitydecision_left_own_a251012d" ON "customers_identitydecision" ("left_own")

CREATE INDEX "customers_identitydecision_right_own_d185093c" ON "customers_identitydecision" ("right_own")

CREATE INDEX "customers_identitydecision_settled_at_ea3dd8d6" ON "customers_identitydecision" ("settled_at")

CREATE INDEX "customers_identitydecision_withdrawn_by_id_b462d12f" ON "customers_identitydecision" ("withdrawn_by_id")

CREATE INDEX "customers_modeldecision_made_by_id_c2cf27ce" ON "customers_modeldecision" ("made_by_id")

CREATE INDEX "customers_ownbatch_actor_id_a28be9eb" ON "customers_ownbatch" ("actor_id")

CREATE INDEX "customers_ownbatch_object_id_853727e5" ON "customers_ownbatch" ("object_id")

CREATE INDEX "customers_ownbefore_batch_id_5c55ee22" ON "customers_ownbefore" ("batch_id")

CREATE INDEX "customers_ownbefore_record_id_7bcb73ee" ON "customers_ownbefore" ("record_id")

CREATE INDEX "customers_ownlink_own_id_1326dae3" ON "customers_ownlink" ("own_id")

CREATE INDEX "customers_ownrecord_batch_id_da3b6380" ON "customers_ownrecord" ("batch_id")

CREATE INDEX "customers_ownrecord_object_id_ce67d6a1" ON "customers_ownrecord" ("object_id")

CREATE INDEX "customers_ownvalue_field_id_19fe97f7" ON "customers_ownvalue" ("field_id")

CREATE INDEX "customers_ownvalue_sealed_index_07458f94" ON "customers_ownvalue" ("sealed_index")

CREATE INDEX "own_number" ON "customers_ownvalue" ("field_id", "number", "record_id")

CREATE INDEX "own_sealed" ON "customers_ownvalue" ("field_id", "sealed_index") WHERE NOT ("sealed_index" = '')

CREATE INDEX "own_text" ON "customers_ownvalue" ("field_id", "text", "record_id")

CREATE INDEX "customers_practiceversion_made_by_id_acb74810" ON "customers_practiceversion" ("made_by_id")

CREATE INDEX "customers_relation_from_own_9ead722b" ON "customers_relation" ("from_own")

CREATE INDEX "customers_relation_said_by_id_8a0bf489" ON "customers_relation" ("said_by_id")

CREATE INDEX "customers_relation_to_own_2f91e016" ON "customers_relation" ("to_own")

CREATE INDEX "customers_savedview_user_id_159dbb9d" ON "customers_savedview" ("user_id")

CREATE INDEX "score_at_risk" ON "customers_score" ("generation", "at_risk_minor", "customer_id", "stage", "risk_band", "rfm_cell", "value_decile", "team_id", "region", "owner_id")

CREATE INDEX "score_bands" ON "customers_score" ("generation", "risk_band", "stage")

CREATE INDEX "score_own" ON "customers_score" ("generation", "owner_id", "customer_id", "at_risk_minor", "risk_key", "value_key", "spent_key", "recency_key")

CREATE INDEX "score_recency" ON "customers_score" ("generation", "recency_key", "customer_id", "team_id", "region", "owner_id")

CREATE INDEX "score_risk" ON "customers_score" ("generation", "risk_key", "customer_id", "team_id", "region", "owner_id")

CREATE INDEX "score_spent" ON "customers_score" ("generation", "spent_key", "customer_id", "team_id", "region", "owner_id")

CREATE INDEX "score_value" ON "customers_score" ("generation", "value_key", "customer_id", "team_id", "region", "owner_id")

CREATE INDEX "customers_segment_owner_id_4e8a3405" ON "customers_segment" ("owner_id")

CREATE INDEX "customers_segment_team_id_d5bb3c1a" ON "customers_segment" ("team_id")

CREATE INDEX "customers_segmentchange_segment_id_430833b7" ON "customers_segmentchange" ("segment_id")

CREATE INDEX "segment_change_of" ON "customers_segmentchange" ("segment_id", "at")

CREATE INDEX "segment_change_untold" ON "customers_segmentchange" ("id") WHERE "told_at" IS NULL

CREATE INDEX "customers_segmentmember_entered_with_id_b04caec2" ON "customers_segmentmember" ("entered_with_id")

CREATE INDEX "customers_segmentmember_left_with_id_cf7883b3" ON "customers_segmentmember" ("left_with_id")

CREATE UNIQUE INDEX "segment_member_once" ON "customers_segmentmember" ("segment_id", "person_id") WHERE "left_at" IS NULL

CREATE INDEX "segment_member_person" ON "customers_segmentmember" ("person_id", "segment_id")

CREATE INDEX "customers_segmentversion_actor_id_11a27491" ON "customers_segmentversion" ("actor_id")

CREATE INDEX "customers_segmentversion_segment_id_ae20c9d7" ON "customers_segmentversion" ("segment_id")

CREATE INDEX "customers_tierrule_made_by_id_49432ad0" ON "customers_tierrule" ("made_by_id")

CREATE INDEX "django_admin_log_content_type_id_c4bce8eb" ON "django_admin_log" ("content_type_id")

CREATE INDEX "django_admin_log_user_id_c564eba6" ON "django_admin_log" ("user_id")

CREATE UNIQUE INDEX "django_content_type_app_label_model_76bd3d3b_uniq" ON "django_content_type" ("app_label", "model")

CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")

CREATE INDEX "audit_at" ON "governance_auditentry" ("at", "id")

CREATE INDEX "audit_object" ON "governance_auditentry" ("object_type", "object_id")

CREATE INDEX "audit_verb" ON "governance_auditentry" ("verb", "id")

CREATE INDEX "governance_auditentry_actor_id_8f877540" ON "governance_auditentry" ("actor_id")

CREATE INDEX "consent_standing" ON "governance_consententry" ("person_id", "purpose", "channel", "at")

CREATE INDEX "governance_consententry_actor_id_206df2b2" ON "governance_consententry" ("actor_id")

CREATE INDEX "governance_erasedperson_request_id_86b8f6af" ON "governance_erasedperson" ("request_id")

CREATE INDEX "governance_grant_created_by_id_9d6472af" ON "governance_grant" ("created_by_id")

CREATE INDEX "governance_grant_revoked_by_id_dd7d2395" ON "governance_grant" ("revoked_by_id")

CREATE INDEX "governance_key_owner_id_7768ac93" ON "governance_key" ("owner_id")

CREATE INDEX "governance_personmerge_person_id_a0bf08e6" ON "governance_personmerge" ("person_id")

CREATE INDEX "governance_preferencelink_issued_by_id_9f5ea235" ON "governance_preferencelink" ("issued_by_id")

CREATE INDEX "governance_preferencelink_person_id_54653b2c" ON "governance_preferencelink" ("person_id")

CREATE INDEX "governance_sharedvalue_expires_at_40ed1a8d" ON "governance_sharedvalue" ("expires_at")

CREATE INDEX "governance_subjectrequest_done_by_id_9d0b6a21" ON "governance_subjectrequest" ("done_by_id")

CREATE INDEX "governance_subjectrequest_opened_by_id_79c11807" ON "governance_subjectrequest" ("opened_by_id")

CREATE INDEX "governance_subjectrequest_person_id_05186c62" ON "governance_subjectrequest" ("person_id")

CREATE INDEX "governance_user_team_id_b70e833b" ON "governance_user" ("team_id")

CREATE INDEX "governance_user_groups_group_id_7676f1c0" ON "governance_user_groups" ("group_id")

CREATE INDEX "governance_user_groups_user_id_5e4dbf49" ON "governance_user_groups" ("user_id")

CREATE UNIQUE INDEX "governance_user_groups_user_id_group_id_f8600462_uniq" ON "governance_user_groups" ("user_id", "group_id")

CREATE INDEX "governance_user_user_permissions_permission_id_cf162074" ON "governance_user_user_permissions" ("permission_id")

CREATE INDEX "governance_user_user_permissions_user_id_88fa31a0" ON "governance_user_user_permissions" ("user_id")

CREATE UNIQUE INDEX "governance_user_user_permissions_user_id_permission_id_b39da7df_uniq" ON "governance_user_user_permissions" ("user_id", "permission_id")

CREATE INDEX "mfa_authenticator_user_id_0c3a50c0" ON "mfa_authenticator" ("user_id")

CREATE UNIQUE INDEX "unique_authenticator_type" ON "mfa_authenticator" ("user_id", "type") WHERE "type" IN ('totp', 'recovery_codes')

CREATE UNIQUE INDEX "socialaccount_socialaccount_provider_uid_fc810c6e_uniq" ON "socialaccount_socialaccount" ("provider", "uid")

CREATE INDEX "socialaccount_socialaccount_user_id_8146e70c" ON "socialaccount_socialaccount" ("user_id")

CREATE INDEX "socialaccount_socialtoken_account_id_951f210e" ON "socialaccount_socialtoken" ("account_id")

CREATE INDEX "socialaccount_socialtoken_app_id_636a42d7" ON "socialaccount_socialtoken" ("app_id")

CREATE UNIQUE INDEX "socialaccount_socialtoken_app_id_account_id_fca4e0ac_uniq" ON "socialaccount_socialtoken" ("app_id", "account_id")

CREATE INDEX "usersessions_usersession_user_id_af5e0a6d" ON "usersessions_usersession" ("user_id")

CREATE UNIQUE INDEX "feed_name_while_kept" ON "work_feed" ("name") WHERE "removed_at" IS NULL

CREATE INDEX "work_feed_made_by_id_a32eb9e8" ON "work_feed" ("made_by_id")

CREATE INDEX "work_feed_migration_id_12d255b8" ON "work_feed" ("migration_id")

CREATE INDEX "work_feed_next_at_da69afc7" ON "work_feed" ("next_at")

CREATE INDEX "work_feedrun_feed_id_b510dccc" ON "work_feedrun" ("feed_id")

CREATE INDEX "work_feedrun_fingerprint_d33d7af4" ON "work_feedrun" ("fingerprint")

CREATE INDEX "job_by_status" ON "work_job" ("status", "id")

CREATE UNIQUE INDEX "job_once_while_alive" ON "work_job" ("once") WHERE (NOT ("once" = '') AND "status" IN ('waiting', 'running'))

CREATE INDEX "work_job_asked_by_id_71c276f4" ON "work_job" ("asked_by_id")

CREATE INDEX "work_mappingtemplate_made_by_id_981f7590" ON "work_mappingtemplate" ("made_by_id")

CREATE INDEX "work_migration_made_by_id_01ecf1d7" ON "work_migration" ("made_by_id")

CREATE INDEX "work_upload_fingerprint_ea550e18" ON "work_upload" ("fingerprint")

CREATE INDEX "work_upload_job_id_170b4907" ON "work_upload" ("job_id")

CREATE INDEX "work_upload_uploaded_by_id_97faf1a0" ON "work_upload" ("uploaded_by_id")

CREATE TRIGGER governance_auditentry_delete BEFORE DELETE ON governance_auditentry  BEGIN SELECT RAISE(ABORT, 'governance_auditentry is append-only'); END

CREATE TRIGGER governance_auditentry_replace BEFORE INSERT ON governance_auditentry WHEN EXISTS (SELECT 1 FROM governance_auditentry WHERE id = NEW.id OR once = NEW.once) BEGIN SELECT RAISE(ABORT, 'governance_auditentry is append-only'); END

CREATE TRIGGER governance_auditentry_update BEFORE UPDATE ON governance_auditentry  BEGIN SELECT RAISE(ABORT, 'governance_auditentry is append-only'); END

CREATE TRIGGER governance_chainlink_delete BEFORE DELETE ON governance_chainlink  BEGIN SELECT RAISE(ABORT, 'governance_chainlink is append-only'); END

CREATE TRIGGER governance_chainlink_replace BEFORE INSERT ON governance_chainlink WHEN EXISTS (SELECT 1 FROM governance_chainlink WHERE position = NEW.position OR entry_id = NEW.entry_id) BEGIN SELECT RAISE(ABORT, 'governance_chainlink is append-only'); END

CREATE TRIGGER governance_chainlink_update BEFORE UPDATE ON governance_chainlink  BEGIN SELECT RAISE(ABORT, 'governance_chainlink is append-only'); END
