-- version 0023
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0023');
CREATE TABLE alert (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	state TEXT NOT NULL, 
	opened_at_ms BIGINT NOT NULL, 
	resolved_at_ms BIGINT, 
	whole BLOB NOT NULL, updated_at_ms BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_alert PRIMARY KEY (id)
);
CREATE TABLE alert_event (
	name TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	alert TEXT NOT NULL, 
	loss FLOAT NOT NULL, 
	user TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	event_time_ms BIGINT NOT NULL, at_ms BIGINT DEFAULT 0 NOT NULL, action TEXT DEFAULT '' NOT NULL, score FLOAT, probability FLOAT, rules TEXT DEFAULT '' NOT NULL, case_id TEXT DEFAULT '' NOT NULL, model TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_alert_event PRIMARY KEY (name, "key")
);
CREATE TABLE alert_group (
	kind TEXT NOT NULL, 
	value TEXT NOT NULL, 
	alert TEXT NOT NULL, 
	CONSTRAINT pk_alert_group PRIMARY KEY (kind, value, alert)
);
CREATE TABLE alert_offset (
	place TEXT NOT NULL, 
	next BIGINT NOT NULL, 
	CONSTRAINT pk_alert_offset PRIMARY KEY (place)
);
CREATE TABLE alert_span (
	name TEXT NOT NULL, 
	since_ms BIGINT NOT NULL, 
	told BIGINT NOT NULL, 
	more BIGINT NOT NULL, 
	CONSTRAINT pk_alert_span PRIMARY KEY (name)
);
CREATE TABLE alert_suppression (
	pattern TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	until_ms BIGINT NOT NULL, 
	silenced BIGINT NOT NULL, 
	whole BLOB NOT NULL, 
	CONSTRAINT pk_alert_suppression PRIMARY KEY (pattern, "key")
);
CREATE TABLE api_token (
	name TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	roles TEXT NOT NULL, 
	made_by TEXT NOT NULL, 
	made_at_ms BIGINT NOT NULL, 
	expires_at_ms BIGINT, 
	revoked_at_ms BIGINT, 
	CONSTRAINT pk_api_token PRIMARY KEY (name), 
	CONSTRAINT uq_api_token_hash UNIQUE (hash)
);
CREATE TABLE audit_entry (
	number BIGINT NOT NULL, 
	previous TEXT NOT NULL, 
	said TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	CONSTRAINT pk_audit_entry PRIMARY KEY (number)
);
CREATE TABLE audit_head (
	id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	hash TEXT NOT NULL, 
	CONSTRAINT pk_audit_head PRIMARY KEY (id), 
	CONSTRAINT ck_audit_head_ck_audit_head_one_row CHECK (id = 1)
);
INSERT INTO "audit_head" VALUES(1,0,'0000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE carried_over (
	source TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	what TEXT NOT NULL, 
	CONSTRAINT pk_carried_over PRIMARY KEY (source)
);
CREATE TABLE case_alert (
	alert TEXT NOT NULL, 
	case_id TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_case_alert PRIMARY KEY (alert)
);
CREATE TABLE case_ended_alert (
	alert TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_case_ended_alert PRIMARY KEY (alert)
);
CREATE TABLE case_entity (
	kind TEXT NOT NULL, 
	value TEXT NOT NULL, 
	case_id TEXT NOT NULL, 
	CONSTRAINT pk_case_entity PRIMARY KEY (kind, value, case_id)
);
CREATE TABLE case_entry (
	case_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	what TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	whole BLOB NOT NULL, 
	CONSTRAINT pk_case_entry PRIMARY KEY (case_id, number)
);
CREATE TABLE case_news (
	case_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_case_news PRIMARY KEY (case_id, number)
);
CREATE TABLE case_review (
	case_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	alerts BIGINT NOT NULL, 
	events BIGINT NOT NULL, 
	told BIGINT NOT NULL, 
	probability FLOAT NOT NULL, 
	CONSTRAINT pk_case_review PRIMARY KEY (case_id, kind, name)
)
 WITHOUT ROWID

;
CREATE TABLE cases (
	id TEXT NOT NULL, 
	entity_kind TEXT NOT NULL, 
	entity_id TEXT NOT NULL, 
	typology TEXT NOT NULL, 
	inbox TEXT NOT NULL, 
	state TEXT NOT NULL, 
	is_closed BOOLEAN NOT NULL, 
	free_at_ms BIGINT NOT NULL, 
	holder TEXT NOT NULL, 
	assigned_to TEXT NOT NULL, 
	priority FLOAT NOT NULL, 
	opened_at_ms BIGINT NOT NULL, 
	decided_at_ms BIGINT, 
	closed_at_ms BIGINT, 
	version BIGINT NOT NULL, 
	whole BLOB NOT NULL, updated_at_ms BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_cases PRIMARY KEY (id)
);
CREATE TABLE console_session (
	id TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	earlier_hash TEXT NOT NULL, 
	name TEXT NOT NULL, 
	roles TEXT NOT NULL, 
	token_hash TEXT NOT NULL, 
	began_at_ms BIGINT NOT NULL, 
	rotated_at_ms BIGINT NOT NULL, 
	used_at_ms BIGINT NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_console_session PRIMARY KEY (id)
);
CREATE TABLE definition (
	hash TEXT NOT NULL, 
	text BLOB NOT NULL, 
	CONSTRAINT pk_definition PRIMARY KEY (hash)
);
CREATE TABLE definition_of_part (
	part TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	put_by TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_definition_of_part PRIMARY KEY (part, hash), 
	CONSTRAINT fk_definition_of_part_hash FOREIGN KEY(hash) REFERENCES definition (hash)
);
CREATE TABLE delivery (
	webhook TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	attempts_before INTEGER NOT NULL, 
	due_at_ms BIGINT NOT NULL, 
	ended_at_ms BIGINT, 
	CONSTRAINT pk_delivery PRIMARY KEY (webhook, number)
);
CREATE TABLE delivery_attempt (
	webhook TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	took_ms BIGINT NOT NULL, 
	status INTEGER, 
	fault TEXT NOT NULL, 
	excerpt TEXT NOT NULL, 
	CONSTRAINT pk_delivery_attempt PRIMARY KEY (webhook, number, attempt)
);
CREATE TABLE drift (
	subject TEXT NOT NULL, 
	since_ms BIGINT NOT NULL, 
	day_ms BIGINT NOT NULL, 
	psi FLOAT NOT NULL, 
	psi_limit FLOAT NOT NULL, 
	CONSTRAINT pk_drift PRIMARY KEY (subject)
);
CREATE TABLE drift_followed (
	id INTEGER NOT NULL, 
	day_ms BIGINT NOT NULL, 
	CONSTRAINT pk_drift_followed PRIMARY KEY (id)
);
CREATE TABLE effect_alert (
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value BLOB NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_effect_alert PRIMARY KEY (id)
);
CREATE TABLE effect_clock (
	id INTEGER NOT NULL, 
	newest_ms BIGINT NOT NULL, 
	CONSTRAINT pk_effect_clock PRIMARY KEY (id)
);
CREATE TABLE effect_offset (
	place TEXT NOT NULL, 
	next BIGINT NOT NULL, 
	CONSTRAINT pk_effect_offset PRIMARY KEY (place)
);
CREATE TABLE hold (
	id TEXT NOT NULL, 
	event TEXT NOT NULL, 
	user TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	event_time_ms BIGINT NOT NULL, 
	action TEXT NOT NULL, 
	held_at_ms BIGINT NOT NULL, 
	until_ms BIGINT NOT NULL, 
	"then" TEXT NOT NULL, 
	state TEXT NOT NULL, 
	ended_at_ms BIGINT, 
	ended_by TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_hold PRIMARY KEY (id)
);
CREATE TABLE inbox (
	name TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	whole BLOB NOT NULL, 
	CONSTRAINT pk_inbox PRIMARY KEY (name)
);
CREATE TABLE job (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	asked_by TEXT NOT NULL, 
	asked_at_ms BIGINT NOT NULL, 
	caller_key TEXT, 
	state TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	lapses INTEGER NOT NULL, 
	worker TEXT NOT NULL, 
	lease_until_ms BIGINT, 
	is_cancel_asked BOOLEAN NOT NULL, 
	progress_done BIGINT NOT NULL, 
	progress_total BIGINT NOT NULL, 
	progress_unit TEXT NOT NULL, 
	started_at_ms BIGINT, 
	ended_at_ms BIGINT, 
	result TEXT, 
	file_name TEXT, 
	file_bytes BIGINT, 
	file_sha256 TEXT, 
	problem TEXT, 
	expires_at_ms BIGINT, 
	CONSTRAINT pk_job PRIMARY KEY (id), 
	CONSTRAINT uq_job_asked_by UNIQUE (asked_by, caller_key)
);
CREATE TABLE lease (
	name TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	beat BIGINT NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
CREATE TABLE message (
	number INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	type TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	"full" BLOB NOT NULL, 
	thin BLOB NOT NULL, 
	CONSTRAINT pk_message PRIMARY KEY (number), 
	CONSTRAINT uq_message_id UNIQUE (id)
);
CREATE TABLE note (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	entity TEXT NOT NULL, 
	text TEXT NOT NULL, 
	written_by TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_note PRIMARY KEY (id)
);
CREATE TABLE release (
	id BIGINT NOT NULL, 
	parts TEXT NOT NULL, 
	made_by TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	published BOOLEAN NOT NULL, 
	CONSTRAINT pk_release PRIMARY KEY (id)
);
CREATE TABLE rule_budget (
	pattern TEXT NOT NULL, 
	version TEXT NOT NULL, 
	window TEXT NOT NULL, 
	after_release BIGINT NOT NULL, 
	tripped BOOLEAN NOT NULL, 
	CONSTRAINT pk_rule_budget PRIMARY KEY (pattern)
);
CREATE TABLE rule_count (
	pattern TEXT NOT NULL, 
	release BIGINT NOT NULL, 
	shadow BOOLEAN NOT NULL, 
	action TEXT NOT NULL, 
	hour_ms BIGINT NOT NULL, 
	version TEXT NOT NULL, 
	asks TEXT NOT NULL, 
	matches BIGINT NOT NULL, 
	decided BIGINT NOT NULL, 
	alone BIGINT NOT NULL, 
	CONSTRAINT pk_rule_count PRIMARY KEY (pattern, release, shadow, action, hour_ms)
);
CREATE TABLE rule_decided (
	release BIGINT NOT NULL, 
	hour_ms BIGINT NOT NULL, 
	decided BIGINT NOT NULL, 
	CONSTRAINT pk_rule_decided PRIMARY KEY (release, hour_ms)
);
CREATE TABLE rule_entry (
	id TEXT NOT NULL, 
	event TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	list TEXT NOT NULL, 
	value TEXT NOT NULL, 
	expires BIGINT, 
	reason TEXT NOT NULL, 
	pattern TEXT NOT NULL, 
	version TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	noted_ms BIGINT NOT NULL, 
	CONSTRAINT pk_rule_entry PRIMARY KEY (id)
);
CREATE TABLE rule_hidden (
	pattern TEXT NOT NULL, 
	version TEXT NOT NULL, 
	exception INTEGER NOT NULL, 
	hidden BIGINT NOT NULL, 
	newest_ms BIGINT NOT NULL, 
	CONSTRAINT pk_rule_hidden PRIMARY KEY (pattern, version, exception)
);
CREATE TABLE rule_label (
	event TEXT NOT NULL, 
	source TEXT NOT NULL, 
	label INTEGER NOT NULL, 
	label_time BIGINT NOT NULL, 
	CONSTRAINT pk_rule_label PRIMARY KEY (event, source)
);
CREATE TABLE rule_match (
	event TEXT NOT NULL, 
	pattern TEXT NOT NULL, 
	user TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	version TEXT NOT NULL, 
	release BIGINT NOT NULL, 
	shadow BOOLEAN NOT NULL, 
	asks TEXT NOT NULL, 
	action TEXT NOT NULL, 
	exception INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_rule_match PRIMARY KEY (event, pattern)
);
CREATE TABLE rule_overlap (
	pattern TEXT NOT NULL, 
	other TEXT NOT NULL, 
	day_ms BIGINT NOT NULL, 
	both BIGINT NOT NULL, 
	CONSTRAINT pk_rule_overlap PRIMARY KEY (pattern, other, day_ms)
);
CREATE TABLE rule_snooze (
	id TEXT NOT NULL, 
	pattern TEXT NOT NULL, 
	fields TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	made_by TEXT NOT NULL, 
	from_ms BIGINT NOT NULL, 
	until_ms BIGINT NOT NULL, 
	lifted_by TEXT NOT NULL, 
	lifted_at_ms BIGINT, 
	CONSTRAINT pk_rule_snooze PRIMARY KEY (id)
);
CREATE TABLE rule_total (
	pattern TEXT NOT NULL, 
	acted BIGINT NOT NULL, 
	watched BIGINT NOT NULL, 
	hidden BIGINT NOT NULL, 
	erred BIGINT NOT NULL, 
	skipped BIGINT NOT NULL, alone BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_rule_total PRIMARY KEY (pattern)
);
CREATE TABLE rule_trip (
	id TEXT NOT NULL, 
	pattern TEXT NOT NULL, 
	version TEXT NOT NULL, 
	release BIGINT NOT NULL, 
	"then" TEXT NOT NULL, 
	matches BIGINT NOT NULL, 
	per_ms BIGINT NOT NULL, 
	event_time BIGINT NOT NULL, 
	noted_ms BIGINT NOT NULL, 
	taken_by TEXT NOT NULL, 
	lease_until_ms BIGINT NOT NULL, 
	done_release BIGINT, 
	outcome TEXT NOT NULL, 
	CONSTRAINT pk_rule_trip PRIMARY KEY (id)
);
CREATE TABLE scored_day (
	day_ms BIGINT NOT NULL, 
	share FLOAT NOT NULL, 
	numbers_share FLOAT NOT NULL, 
	CONSTRAINT pk_scored_day PRIMARY KEY (day_ms)
);
CREATE TABLE scored_event (
	event TEXT NOT NULL, 
	day_ms BIGINT NOT NULL, 
	place FLOAT NOT NULL, 
	user TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	action TEXT NOT NULL, 
	release BIGINT NOT NULL, 
	probability FLOAT, 
	scores TEXT NOT NULL, 
	numbers TEXT, shares TEXT, 
	CONSTRAINT pk_scored_event PRIMARY KEY (event)
);
CREATE TABLE sign_in_ticket (
	hash TEXT NOT NULL, 
	purpose TEXT NOT NULL, 
	content TEXT NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_sign_in_ticket PRIMARY KEY (hash)
);
CREATE TABLE silence (
	id TEXT NOT NULL, 
	until_ms BIGINT NOT NULL, 
	whole BLOB NOT NULL, 
	CONSTRAINT pk_silence PRIMARY KEY (id)
);
CREATE TABLE trained_model (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	made_at_ms BIGINT NOT NULL, 
	report TEXT NOT NULL, 
	snapshot BLOB NOT NULL, 
	CONSTRAINT pk_trained_model PRIMARY KEY (id), 
	CONSTRAINT uq_trained_model_sequence UNIQUE (model, definition, sequence)
);
CREATE TABLE verdict (
	id TEXT NOT NULL, 
	case_id TEXT NOT NULL, 
	user TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	entity_kind TEXT NOT NULL, 
	entity_id TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	inputs TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	effective_at_ms BIGINT NOT NULL, 
	undone_ms BIGINT, 
	carried_out_ms BIGINT, final_ms BIGINT, 
	CONSTRAINT pk_verdict PRIMARY KEY (id)
);
CREATE TABLE verdict_plan (
	verdict TEXT NOT NULL, 
	is_settled BOOLEAN NOT NULL, 
	CONSTRAINT pk_verdict_plan PRIMARY KEY (verdict)
);
CREATE TABLE verdict_step (
	id TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	what TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	details TEXT NOT NULL, 
	due_ms BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	"before" TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	changed_ms BIGINT NOT NULL, 
	CONSTRAINT pk_verdict_step PRIMARY KEY (id)
);
CREATE TABLE webhook (
	id TEXT NOT NULL, 
	wish TEXT NOT NULL, 
	keys TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	made_by TEXT NOT NULL, 
	made_at_ms BIGINT NOT NULL, 
	changed_at_ms BIGINT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_webhook PRIMARY KEY (id)
);
CREATE INDEX ix_job_state ON job (state, id);
CREATE INDEX ix_job_asked_by ON job (asked_by, id);
CREATE INDEX ix_rule_match_at_ms ON rule_match (at_ms);
CREATE INDEX ix_rule_match_pattern ON rule_match (pattern, at_ms);
CREATE INDEX ix_rule_count_hour_ms ON rule_count (hour_ms);
CREATE INDEX ix_rule_overlap_day_ms ON rule_overlap (day_ms);
CREATE INDEX ix_rule_entry_event ON rule_entry (event);
CREATE INDEX ix_rule_entry_expires ON rule_entry (expires);
CREATE INDEX ix_rule_entry_list ON rule_entry (list, value);
CREATE INDEX ix_rule_entry_pattern ON rule_entry (pattern);
CREATE INDEX ix_rule_entry_state ON rule_entry (state, noted_ms);
CREATE INDEX ix_rule_label_label_time ON rule_label (label_time);
CREATE INDEX ix_rule_trip_pattern ON rule_trip (pattern, noted_ms);
CREATE INDEX ix_rule_snooze_pattern ON rule_snooze (pattern, until_ms);
CREATE INDEX ix_message_at_ms ON message (at_ms);
CREATE INDEX ix_delivery_due ON delivery (webhook, state, due_at_ms);
CREATE INDEX ix_delivery_key ON delivery (webhook, "key", state, number);
CREATE INDEX ix_delivery_number ON delivery (number, state);
CREATE INDEX ix_delivery_attempt_number ON delivery_attempt (number);
CREATE INDEX ix_delivery_attempt_at_ms ON delivery_attempt (webhook, at_ms);
CREATE INDEX ix_alert_state ON alert (state, opened_at_ms, id);
CREATE INDEX ix_alert_opened_at_ms ON alert (opened_at_ms, id);
CREATE INDEX ix_alert_resolved_at_ms ON alert (resolved_at_ms);
CREATE INDEX ix_alert_group_alert ON alert_group (alert);
CREATE INDEX ix_alert_event_alert ON alert_event (alert, "key");
CREATE INDEX ix_silence_until_ms ON silence (until_ms);
CREATE INDEX ix_alert_event_case_id ON alert_event (case_id, event_time_ms, "key", name) WHERE case_id <> '';
CREATE UNIQUE INDEX ix_cases_one_open ON cases (entity_kind, entity_id, typology) WHERE is_closed = 0;
CREATE INDEX ix_cases_entity_kind ON cases (entity_kind, entity_id, opened_at_ms);
CREATE INDEX ix_cases_priority ON cases (is_closed, priority, id);
CREATE INDEX ix_cases_inbox ON cases (inbox, is_closed, priority, id);
CREATE INDEX ix_cases_opened_at_ms ON cases (opened_at_ms, id);
CREATE INDEX ix_cases_decided_at_ms ON cases (decided_at_ms, inbox);
CREATE INDEX ix_cases_closed_at_ms ON cases (closed_at_ms);
CREATE INDEX ix_case_alert_case_id ON case_alert (case_id, at_ms, alert);
CREATE INDEX ix_case_entity_case_id ON case_entity (case_id);
CREATE INDEX ix_case_entry_case_id ON case_entry (case_id, at_ms, number);
CREATE INDEX ix_verdict_case_id ON verdict (case_id, id);
CREATE INDEX ix_verdict_entity_kind ON verdict (entity_kind, entity_id, id);
CREATE INDEX ix_verdict_effective_at_ms ON verdict (effective_at_ms, id) WHERE carried_out_ms IS NULL AND undone_ms IS NULL;
CREATE INDEX ix_hold_event ON hold (event, revision);
CREATE INDEX ix_hold_state ON hold (state, until_ms);
CREATE INDEX ix_hold_held_at_ms ON hold (held_at_ms, id);
CREATE INDEX ix_hold_user ON hold (user, held_at_ms, id);
CREATE INDEX ix_hold_ended_at_ms ON hold (ended_at_ms);
CREATE INDEX ix_note_entity ON note (kind, entity, id);
CREATE INDEX ix_verdict_plan_verdict ON verdict_plan (verdict) WHERE is_settled = 0;
CREATE INDEX ix_verdict_step_verdict ON verdict_step (verdict, number);
CREATE INDEX ix_verdict_step_state ON verdict_step (state, due_ms);
CREATE INDEX ix_alert_suppression_until_ms ON alert_suppression (until_ms);
CREATE INDEX ix_delivery_state ON delivery (webhook, state, number);
CREATE INDEX ix_alert_updated_at_ms ON alert (updated_at_ms, id);
CREATE INDEX ix_cases_updated_at_ms ON cases (updated_at_ms, id);
CREATE INDEX ix_note_at_ms ON note (at_ms);
CREATE UNIQUE INDEX ix_console_session_hash ON console_session (hash);
CREATE INDEX ix_console_session_earlier_hash ON console_session (earlier_hash);
CREATE INDEX ix_console_session_name ON console_session (name, began_at_ms);
CREATE INDEX ix_console_session_expires_at_ms ON console_session (expires_at_ms);
CREATE INDEX ix_sign_in_ticket_expires_at_ms ON sign_in_ticket (expires_at_ms);
CREATE INDEX ix_scored_event_day ON scored_event (day_ms, place);
CREATE INDEX ix_cases_waiting ON cases (is_closed, inbox, free_at_ms, opened_at_ms);
CREATE INDEX ix_rule_overlap_other ON rule_overlap (other, day_ms);
