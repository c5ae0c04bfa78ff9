CREATE TABLE message (
	id VARCHAR(32) NOT NULL, 
	thread_id VARCHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	text TEXT NOT NULL, 
	summary JSON, 
	created_at_us BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(thread_id) REFERENCES thread (id) ON DELETE CASCADE
);
CREATE TABLE preference (
	owner VARCHAR(255) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY (owner, name)
);
CREATE TABLE run (
	id VARCHAR(32) NOT NULL, 
	thread_id VARCHAR(32) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	graph VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	request JSON NOT NULL, 
	question_id VARCHAR(32) NOT NULL, 
	answer_id VARCHAR(32), 
	started_at_us BIGINT NOT NULL, 
	checkpointed INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(thread_id) REFERENCES thread (id) ON DELETE CASCADE
);
CREATE TABLE run_log (
	run_id VARCHAR(32) NOT NULL, 
	first_seq INTEGER NOT NULL, 
	payload BLOB NOT NULL, 
	PRIMARY KEY (run_id, first_seq), 
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
);
CREATE TABLE thread (
	id VARCHAR(32) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	group_id VARCHAR(32), 
	title TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	updated_at_us BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX thread_by_owner ON thread (owner, kind, updated_at_us);
CREATE UNIQUE INDEX message_by_thread ON message (thread_id, position);
CREATE INDEX run_by_thread ON run (thread_id, started_at_us);
CREATE INDEX run_by_status ON run (status);
