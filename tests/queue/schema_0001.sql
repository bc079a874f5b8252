PRAGMA journal_mode=WAL;
BEGIN TRANSACTION;
CREATE TABLE approval (
	id TEXT NOT NULL, 
	session_id TEXT NOT NULL, 
	call_id TEXT NOT NULL, 
	tool TEXT NOT NULL, 
	arguments JSON NOT NULL, 
	arguments_sha256 TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	state TEXT NOT NULL, 
	requested_at TEXT NOT NULL, 
	decided_by TEXT, 
	decided_at TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(session_id, call_id) REFERENCES tool_call (session_id, call_id)
);
CREATE TABLE event (
	position INTEGER NOT NULL, 
	session_id TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	at TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (position), 
	UNIQUE (session_id, seq), 
	FOREIGN KEY(session_id) REFERENCES session (id)
);
INSERT INTO "event" VALUES(1,'aaaa-1',1,'2026-01-31T12:00:00.000Z','session_started','{"kind":"session_started","title":"a task","model":"autopilot","workspace":"/w","started_in":"/home/ada","version":"1.0","instructions":"","max_iterations":null}');
CREATE TABLE job (
	session_id TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	compute TEXT NOT NULL, 
	handle JSON NOT NULL, 
	label TEXT NOT NULL, 
	status TEXT NOT NULL, 
	log_offset BIGINT NOT NULL, 
	started_at TEXT NOT NULL, 
	PRIMARY KEY (session_id, job_id), 
	FOREIGN KEY(session_id) REFERENCES session (id)
);
CREATE TABLE op (
	session_id TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	dedupe TEXT, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	created TEXT NOT NULL, 
	PRIMARY KEY (session_id, seq), 
	UNIQUE (session_id, dedupe), 
	FOREIGN KEY(session_id) REFERENCES session (id)
);
INSERT INTO "op" VALUES('aaaa-1',1,'user_input','{"kind":"user_input","text":"train it","author":"ada"}',NULL,'queued',0,'2026-01-31T12:00:00.000Z');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	session_id TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	body JSON NOT NULL, 
	dedupe TEXT NOT NULL, 
	state TEXT NOT NULL, 
	external_id TEXT, 
	next_try TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(session_id) REFERENCES session (id), 
	UNIQUE (dedupe)
);
CREATE TABLE schema_version (
	version INTEGER NOT NULL
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE session (
	id TEXT NOT NULL, 
	title TEXT NOT NULL, 
	model TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	started_in TEXT NOT NULL, 
	version TEXT NOT NULL, 
	created TEXT NOT NULL, 
	updated TEXT NOT NULL, 
	state TEXT NOT NULL, 
	ready_since BIGINT NOT NULL, 
	lease_token BIGINT NOT NULL, 
	lease_boot TEXT, 
	lease_pid BIGINT, 
	lease_start BIGINT, 
	lease_until FLOAT, 
	next_op BIGINT NOT NULL, 
	next_event BIGINT NOT NULL, 
	interrupt_upto BIGINT NOT NULL, 
	outcome TEXT, 
	detail TEXT NOT NULL, 
	waiting_on JSON NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "session" VALUES('aaaa-1','a task','autopilot','/w','/home/ada','1.0','2026-01-31T12:00:00.000Z','2026-01-31T12:00:00.000Z','ready',1,0,NULL,NULL,NULL,NULL,2,2,0,NULL,'','[]');
CREATE TABLE tool_call (
	session_id TEXT NOT NULL, 
	call_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	state TEXT NOT NULL, 
	arguments_sha256 TEXT, 
	effect TEXT, 
	waiting_on TEXT, 
	PRIMARY KEY (session_id, call_id), 
	FOREIGN KEY(session_id) REFERENCES session (id)
);
CREATE INDEX session_by_turn ON session (state, ready_since);
CREATE INDEX op_by_state ON op (state, session_id, seq);
CREATE INDEX job_by_status ON job (status);
CREATE INDEX outbox_by_state ON outbox (state, next_try);
CREATE INDEX approval_by_state ON approval (state, session_id, call_id);
COMMIT;
