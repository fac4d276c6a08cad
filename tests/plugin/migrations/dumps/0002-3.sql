BEGIN TRANSACTION;
CREATE TABLE account (
	id INTEGER NOT NULL, 
	user_id VARCHAR(200), 
	key_fingerprint VARCHAR(64), 
	lane_owner VARCHAR(64), 
	lane_until DATETIME, 
	wait_reason VARCHAR(20), 
	wait_detail TEXT, 
	wait_until DATETIME, 
	troubles INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_account PRIMARY KEY (id), 
	CONSTRAINT uq_account_key_fingerprint UNIQUE (key_fingerprint), 
	CONSTRAINT uq_account_user_id UNIQUE (user_id)
);
INSERT INTO "account" VALUES(1,'3','c22b2a0d542c023dcedd4770fea90903ee3d818e5d5e51b4bd7d625cb038977d','fd78942ef7cfe791','2026-11-22 15:14:22.607000',NULL,NULL,NULL,0,'2026-11-22 09:00:00.000000');
CREATE TABLE admin (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	password_hash TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_admin PRIMARY KEY (id), 
	CONSTRAINT uq_admin_name UNIQUE (name)
);
INSERT INTO "admin" VALUES(1,'anna','scrypt:32768:8:1$x$00','2026-11-22 15:12:57.607000');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE data_folder (
	id VARCHAR(32) NOT NULL, 
	met_at DATETIME NOT NULL, 
	CONSTRAINT pk_data_folder PRIMARY KEY (id)
);
INSERT INTO "data_folder" VALUES('078f58f2fdfe10e0','2026-11-22 09:00:00.000000');
CREATE TABLE event (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	trouble BOOLEAN NOT NULL, 
	store_id INTEGER, 
	product_id INTEGER, 
	task_id INTEGER, 
	data JSON NOT NULL, 
	CONSTRAINT pk_event PRIMARY KEY (id), 
	CONSTRAINT fk_event_product_id_product FOREIGN KEY(product_id) REFERENCES product (id), 
	CONSTRAINT fk_event_store_id_store FOREIGN KEY(store_id) REFERENCES store (id), 
	CONSTRAINT fk_event_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "event" VALUES(1,'2026-11-22 09:00:00.000000','store_refreshed',0,1,NULL,NULL,'{"read": 3, "changed": 3, "skipped": 0}');
INSERT INTO "event" VALUES(2,'2026-11-22 09:00:00.000000','task_planned',0,1,1,1,'{"title": "Product mug", "product": "mug", "task": 1, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(3,'2026-11-22 09:00:00.000000','task_planned',0,1,2,2,'{"title": "Product lamp", "product": "lamp", "task": 2, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(4,'2026-11-22 09:00:00.000000','task_planned',0,1,3,3,'{"title": "Product bag", "product": "bag", "task": 3, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(5,'2026-11-22 09:00:00.000000','task_submitted',0,1,1,1,'{"title": "Product mug", "product": "mug", "task": 1, "images": 2}');
INSERT INTO "event" VALUES(6,'2026-11-22 09:00:00.000000','task_submitted',0,1,2,2,'{"title": "Product lamp", "product": "lamp", "task": 2, "images": 2}');
INSERT INTO "event" VALUES(7,'2026-11-22 09:00:00.000000','task_submitted',0,1,3,3,'{"title": "Product bag", "product": "bag", "task": 3, "images": 2}');
INSERT INTO "event" VALUES(8,'2026-11-22 09:00:13.102000','image_failed',1,1,1,1,'{"title": "Product mug", "product": "mug", "task": 1, "shot": "front", "reason": "HTTP 500: system error"}');
INSERT INTO "event" VALUES(9,'2026-11-22 09:00:13.102000','task_done',0,1,1,1,'{"title": "Product mug", "product": "mug", "task": 1, "succeeded": 1, "failed": 1, "billable": 1, "refunded": 1}');
INSERT INTO "event" VALUES(10,'2026-11-22 09:00:13.102000','task_done',0,1,2,2,'{"title": "Product lamp", "product": "lamp", "task": 2, "succeeded": 2, "failed": 0, "billable": 2, "refunded": 0}');
INSERT INTO "event" VALUES(11,'2026-11-22 09:00:39.306000','task_done',0,1,3,3,'{"title": "Product bag", "product": "bag", "task": 3, "succeeded": 2, "failed": 0, "billable": 2, "refunded": 0}');
INSERT INTO "event" VALUES(12,'2026-11-22 09:00:39.306000','published',0,1,1,NULL,'{"title": "Product mug", "product": "mug", "images": 1}');
INSERT INTO "event" VALUES(13,'2026-11-22 09:00:39.306000','published',0,1,2,NULL,'{"title": "Product lamp", "product": "lamp", "images": 2}');
INSERT INTO "event" VALUES(14,'2026-11-22 09:00:39.306000','published',0,1,3,NULL,'{"title": "Product bag", "product": "bag", "images": 2}');
INSERT INTO "event" VALUES(15,'2026-11-22 09:00:39.306000','retry_planned',0,1,1,4,'{"title": "Product mug", "product": "mug", "task": 4, "images": 1}');
INSERT INTO "event" VALUES(16,'2026-11-22 09:00:39.306000','withdrawn',0,1,1,NULL,'{"title": "Product mug", "product": "mug", "images": 1}');
INSERT INTO "event" VALUES(17,'2026-11-22 09:00:39.306000','task_submitted',0,1,1,4,'{"title": "Product mug", "product": "mug", "task": 4, "images": 1}');
INSERT INTO "event" VALUES(18,'2026-11-22 09:00:57.709000','task_done',0,1,1,4,'{"title": "Product mug", "product": "mug", "task": 4, "succeeded": 1, "failed": 0, "billable": 1, "refunded": 0}');
INSERT INTO "event" VALUES(19,'2026-11-22 09:00:57.709000','store_refreshed',0,1,NULL,NULL,'{"read": 3, "changed": 0, "skipped": 0}');
INSERT INTO "event" VALUES(20,'2026-11-22 09:00:57.709000','published',0,1,1,NULL,'{"title": "Product mug", "product": "mug", "images": 1}');
INSERT INTO "event" VALUES(21,'2026-11-22 09:00:57.709000','store_refreshed',0,1,NULL,NULL,'{"read": 4, "changed": 1, "skipped": 0}');
INSERT INTO "event" VALUES(22,'2026-11-22 09:00:57.709000','task_planned',0,1,4,5,'{"title": "Product sofa", "product": "sofa", "task": 5, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(23,'2026-11-22 09:00:57.709000','task_refused',1,1,4,5,'{"title": "Product sofa", "product": "sofa", "task": 5, "reason": "HTTP 400: system error"}');
INSERT INTO "event" VALUES(24,'2026-11-22 09:00:57.709000','store_refreshed',0,1,NULL,NULL,'{"read": 5, "changed": 1, "skipped": 0}');
INSERT INTO "event" VALUES(25,'2026-11-22 09:00:57.709000','task_planned',0,1,5,6,'{"title": "Product rug", "product": "rug", "task": 6, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(26,'2026-11-22 09:00:57.709000','task_in_doubt',1,1,5,6,'{"title": "Product rug", "product": "rug", "task": 6, "images": 2, "reason": "no answer from the image service: POST http://127.0.0.1:40635/v1/ecom/batch: the answer was cut off or cannot be read"}');
INSERT INTO "event" VALUES(27,'2026-11-22 09:01:12.710000','doubt_settled',1,1,5,6,'{"title": "Product rug", "product": "rug", "task": 6, "verdict": "the prompts had been accepted; their pictures are billed and lost", "reason": "used rose by exactly 2", "lost": 2, "hint": ". To have them made anew, for money: hebo-sync products generate shop:rug"}');
INSERT INTO "event" VALUES(28,'2026-11-22 09:01:12.710000','store_refreshed',0,1,NULL,NULL,'{"read": 6, "changed": 1, "skipped": 0}');
INSERT INTO "event" VALUES(29,'2026-11-22 09:01:12.710000','task_planned',0,1,6,7,'{"title": "Product vase", "product": "vase", "task": 7, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(30,'2026-11-22 09:01:12.710000','task_in_doubt',1,1,6,7,'{"title": "Product vase", "product": "vase", "task": 7, "images": 2, "reason": "no answer from the image service: POST http://127.0.0.1:40635/v1/ecom/batch: the answer was cut off or cannot be read"}');
INSERT INTO "event" VALUES(31,'2026-11-22 09:06:12.730000','doubt_settled',1,1,6,7,'{"title": "Product vase", "product": "vase", "task": 7, "verdict": "a person must say whether the prompts were accepted (hebo-sync tasks settle)", "reason": "used changed by -1, which does not tell whether 2 prompts were accepted", "lost": 0, "hint": ""}');
INSERT INTO "event" VALUES(32,'2026-11-22 09:06:12.730000','store_refreshed',0,1,NULL,NULL,'{"read": 7, "changed": 1, "skipped": 0}');
INSERT INTO "event" VALUES(33,'2026-11-22 09:06:12.730000','task_planned',0,1,7,8,'{"title": "Product tray", "product": "tray", "task": 8, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(34,'2026-11-22 09:06:12.730000','task_submitted',0,1,7,8,'{"title": "Product tray", "product": "tray", "task": 8, "images": 2}');
INSERT INTO "event" VALUES(35,'2026-11-22 09:06:41.735000','task_done',0,1,7,8,'{"title": "Product tray", "product": "tray", "task": 8, "succeeded": 2, "failed": 0, "billable": 2, "refunded": 0}');
INSERT INTO "event" VALUES(36,'2026-11-22 09:06:41.735000','store_refreshed',0,1,NULL,NULL,'{"read": 2, "changed": 1, "skipped": 0}');
INSERT INTO "event" VALUES(37,'2026-11-22 09:06:41.735000','task_planned',0,1,8,9,'{"title": "Product bowl", "product": "bowl", "task": 9, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(38,'2026-11-22 09:06:41.735000','task_submitted',0,1,8,9,'{"title": "Product bowl", "product": "bowl", "task": 9, "images": 2}');
INSERT INTO "event" VALUES(39,'2026-11-22 09:06:54.837000','task_done',0,1,8,9,'{"title": "Product bowl", "product": "bowl", "task": 9, "succeeded": 2, "failed": 0, "billable": 2, "refunded": 0}');
INSERT INTO "event" VALUES(40,'2026-11-22 09:06:54.837000','store_refreshed',0,1,NULL,NULL,'{"read": 4, "changed": 2, "skipped": 0}');
INSERT INTO "event" VALUES(41,'2026-11-22 09:06:54.837000','task_planned',0,1,10,10,'{"title": "Product jug", "product": "jug", "task": 10, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(42,'2026-11-22 09:06:54.837000','task_submitted',0,1,10,10,'{"title": "Product jug", "product": "jug", "task": 10, "images": 2}');
INSERT INTO "event" VALUES(43,'2026-11-22 09:06:54.837000','published',0,1,8,NULL,'{"title": "Product bowl", "product": "bowl", "images": 1}');
INSERT INTO "event" VALUES(44,'2026-11-22 09:07:34.143000','image_failed',1,1,10,10,'{"title": "Product jug", "product": "jug", "task": 10, "shot": "front", "reason": "HTTP 500: system error"}');
INSERT INTO "event" VALUES(45,'2026-11-22 09:07:34.143000','task_done',0,1,10,10,'{"title": "Product jug", "product": "jug", "task": 10, "succeeded": 1, "failed": 1, "billable": 1, "refunded": 1}');
INSERT INTO "event" VALUES(46,'2026-11-22 09:12:34.143000','store_refreshed',0,1,NULL,NULL,'{"read": 5, "changed": 1, "skipped": 0}');
INSERT INTO "event" VALUES(47,'2026-11-22 09:12:34.143000','task_planned',0,1,11,11,'{"title": "Product desk", "product": "desk", "task": 11, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(48,'2026-11-22 09:12:34.143000','task_submitted',0,1,11,11,'{"title": "Product desk", "product": "desk", "task": 11, "images": 2}');
INSERT INTO "event" VALUES(49,'2026-11-22 09:12:41.944000','task_odd',1,1,11,11,'{"title": "Product desk", "product": "desk", "task": 11, "reason": "unknown status ''postprocessing''"}');
INSERT INTO "event" VALUES(50,'2026-11-22 15:12:57.607000','task_stalled',1,1,11,11,'{"title": "Product desk", "product": "desk", "task": 11, "hours": 6.0}');
INSERT INTO "event" VALUES(51,'2026-11-22 15:12:57.607000','store_refreshed',0,1,NULL,NULL,'{"read": 2, "changed": 1, "skipped": 0}');
INSERT INTO "event" VALUES(52,'2026-11-22 15:12:57.607000','task_planned',0,1,12,12,'{"title": "Product chair", "product": "chair", "task": 12, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(53,'2026-11-22 15:12:57.607000','task_submitted',0,1,12,12,'{"title": "Product chair", "product": "chair", "task": 12, "images": 2}');
INSERT INTO "event" VALUES(54,'2026-11-22 15:12:57.607000','store_refreshed',0,1,NULL,NULL,'{"read": 4, "changed": 3, "skipped": 0}');
INSERT INTO "event" VALUES(55,'2026-11-22 15:12:57.607000','task_planned',0,1,13,13,'{"title": "Product shelf", "product": "shelf", "task": 13, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(56,'2026-11-22 15:12:57.607000','task_planned',0,1,14,14,'{"title": "Product oven", "product": "oven", "task": 14, "images": 2, "pack": "mini"}');
INSERT INTO "event" VALUES(57,'2026-11-22 15:12:57.607000','task_planned',0,1,15,15,'{"title": "Product bed", "product": "bed", "task": 15, "images": 2, "pack": "mini"}');
CREATE TABLE image (
	id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	task_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	shot VARCHAR(100) NOT NULL, 
	prompt TEXT NOT NULL, 
	alt TEXT NOT NULL, 
	prompt_known BOOLEAN NOT NULL, 
	"key" VARCHAR(40) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	item_id VARCHAR(200), 
	result_url TEXT, 
	retry_allowed BOOLEAN NOT NULL, 
	owner VARCHAR(64), 
	due_at DATETIME, 
	attempts INTEGER NOT NULL, 
	picture_sha VARCHAR(64), 
	warnings JSON NOT NULL, 
	error TEXT, 
	decided_at DATETIME, 
	decided_by VARCHAR(100), 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_image PRIMARY KEY (id), 
	CONSTRAINT fk_image_picture_sha_picture FOREIGN KEY(picture_sha) REFERENCES picture (sha), 
	CONSTRAINT fk_image_round_id_round FOREIGN KEY(round_id) REFERENCES round (id), 
	CONSTRAINT fk_image_task_id_task FOREIGN KEY(task_id) REFERENCES task (id), 
	CONSTRAINT uq_image_key UNIQUE ("key"), 
	CONSTRAINT uq_image_round_id_shot UNIQUE (round_id, shot)
);
INSERT INTO "image" VALUES(1,1,4,0,'front','Front view of "Product mug"','Front: Product mug',1,'hs-inuevfftdqcjjt4c5xvzika7bu','published','item_71e52ac120c3','http://127.0.0.1:40635/results/bf43d03f0f0166ae3ffc.png',0,'94632602d441f5a9',NULL,0,'a2ee8714ad78ece1a67a324875ba3b26fc98117ff4bfbe482d8b303856878446','["small"]',NULL,'2026-11-22 09:00:57.709000','tester','2026-11-22 09:00:00.000000');
INSERT INTO "image" VALUES(2,1,1,1,'side','Side view of "Product mug"','Side: Product mug',1,'hs-d76kycavmmzbiyhjereigiehbn','withdrawn','item_e80cd8b2b152','http://127.0.0.1:40635/results/43990259c777438abcb6.png',0,'77e5c41b43af064c',NULL,0,'136435b92e5c3781fcdcc423c40b8377420385c64f2616fd6b163da8a6057481','["small"]',NULL,'2026-11-22 09:00:39.306000','tester','2026-11-22 09:00:00.000000');
INSERT INTO "image" VALUES(3,2,2,0,'front','Front view of "Product lamp"','Front: Product lamp',1,'hs-ax5bygtgdxk3idsxwencvnvn4a','published','item_ab0051caa1f1','http://127.0.0.1:40635/results/506a51cdbd78ad7340b0.png',0,'77e5c41b43af064c',NULL,0,'9798b8244303ac39dc629ae5cb29dbfe20729e545bc70a18fbf3400c08cd8765','["small"]',NULL,'2026-11-22 09:00:39.306000','tester','2026-11-22 09:00:00.000000');
INSERT INTO "image" VALUES(4,2,2,1,'side','Side view of "Product lamp"','Side: Product lamp',1,'hs-xbplqskceek2r6kyvdfigsyjcd','published','item_a2ffed050c6c','http://127.0.0.1:40635/results/a2cfdd8736f328212cb4.png',0,'77e5c41b43af064c',NULL,0,'e15cbcfe7ab161b8f4d33882b9f9e45203b14e8538675624e188665084004b51','["small"]',NULL,'2026-11-22 09:00:39.306000','tester','2026-11-22 09:00:00.000000');
INSERT INTO "image" VALUES(5,3,3,0,'front','Front view of "Product bag"','Front: Product bag',1,'hs-v5eorfwp26ki52vai6xttb7m2w','published','item_ea9cfaa23bec','http://127.0.0.1:40635/results/335a23343efd872049a1.png',0,'77e5c41b43af064c',NULL,0,'98d1f16f3ef2a615f570b7681fc0eaae41a6a6cc1b4ebff51798b467fb6c29f2','["small"]',NULL,'2026-11-22 09:00:39.306000','tester','2026-11-22 09:00:00.000000');
INSERT INTO "image" VALUES(6,3,3,1,'side','Side view of "Product bag"','Side: Product bag',1,'hs-2dqv5efnjow6drq7v5ksh2ghmr','published','item_dc7b7f024d93','http://127.0.0.1:40635/results/bf6e5da30d7d24a293c2.png',0,'77e5c41b43af064c',NULL,0,'486e6e15aeb68f2164ff2c5c89f9e42e1396c16eac8f257964829fd8511e8fbf','["small"]',NULL,'2026-11-22 09:00:39.306000','tester','2026-11-22 09:00:00.000000');
INSERT INTO "image" VALUES(7,4,5,0,'front','Front view of "Product sofa"','Front: Product sofa',1,'hs-nxgv7ugk5uauvhjw36hsop3bqy','failed',NULL,NULL,0,NULL,NULL,0,NULL,'[]','HTTP 400: system error',NULL,NULL,'2026-11-22 09:00:57.709000');
INSERT INTO "image" VALUES(8,4,5,1,'side','Side view of "Product sofa"','Side: Product sofa',1,'hs-nhbaj3rhki4v2nboeftjszdhse','failed',NULL,NULL,0,NULL,NULL,0,NULL,'[]','HTTP 400: system error',NULL,NULL,'2026-11-22 09:00:57.709000');
INSERT INTO "image" VALUES(9,5,6,0,'front','Front view of "Product rug"','Front: Product rug',1,'hs-a6j6fc4v4zxi2wp3ygvg37jkkr','lost',NULL,NULL,0,NULL,NULL,0,NULL,'[]','it was accepted and billed, but its id was lost with the answer, so its pictures cannot be fetched',NULL,NULL,'2026-11-22 09:00:57.709000');
INSERT INTO "image" VALUES(10,5,6,1,'side','Side view of "Product rug"','Side: Product rug',1,'hs-b4bjexzjrumt2r6krmriisdyzd','lost',NULL,NULL,0,NULL,NULL,0,NULL,'[]','it was accepted and billed, but its id was lost with the answer, so its pictures cannot be fetched',NULL,NULL,'2026-11-22 09:00:57.709000');
INSERT INTO "image" VALUES(11,6,7,0,'front','Front view of "Product vase"','Front: Product vase',1,'hs-niavbw55cztn2kwzez5mk625on','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 09:01:12.710000');
INSERT INTO "image" VALUES(12,6,7,1,'side','Side view of "Product vase"','Side: Product vase',1,'hs-nj43zabf2ezjpgpixloxmyl2ww','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 09:01:12.710000');
INSERT INTO "image" VALUES(13,7,8,0,'front','Front view of "Product tray"','Front: Product tray',1,'hs-kyk3meuvouerjzsprlt4eb7juf','rejected','item_a76af6164933','http://127.0.0.1:40635/results/d3b1473a7c137a3978e0.png',0,'1ac37665a2b1933c',NULL,0,'c199a29a4c1054586b3fb246a8538ff1e53fedef5424a629217013458adc78da','["small"]',NULL,'2026-11-22 09:06:41.735000','anna','2026-11-22 09:06:12.730000');
INSERT INTO "image" VALUES(14,7,8,1,'side','Side view of "Product tray"','Side: Product tray',1,'hs-54ytvzplfdkldoxab4dlvoymlq','in_review','item_8a7441383057','http://127.0.0.1:40635/results/ce25b6279035803cc510.png',0,'1ac37665a2b1933c',NULL,0,'e2e9b6918b2e426bbf046b749da21f7bf651f50a0180ffd665c2281aa3601592','["small"]',NULL,NULL,NULL,'2026-11-22 09:06:12.730000');
INSERT INTO "image" VALUES(15,8,9,0,'front','Front view of "Product bowl"','Front: Product bowl',1,'hs-6wcyup3rmdbvqqiidlznodvj73','in_review','item_6ca03779af87','http://127.0.0.1:40635/results/f165ce5e572a62601aa0.png',0,'a1d8e39e300c4dcd',NULL,0,'f24fe2fefd216aa6cb3fff5b1e49d4d7d45734c96877b7b411c3ddeb6c2a79f7','["small"]',NULL,NULL,NULL,'2026-11-22 09:06:41.735000');
INSERT INTO "image" VALUES(16,8,9,1,'side','Side view of "Product bowl"','Side: Product bowl',1,'hs-j7qgi7pw7g2x3ok2zninkyzq5i','published','item_ede5bbce09fa','http://127.0.0.1:40635/results/e09166baad17942f06a5.png',0,'a1d8e39e300c4dcd',NULL,0,'86ba7a3e4a91ab26b242348dd0b4c4897a7e3329f6fc43f874fd57ed0a7ae240','["small"]',NULL,'2026-11-22 09:06:54.837000','anna','2026-11-22 09:06:41.735000');
INSERT INTO "image" VALUES(17,9,10,0,'front','Front view of "Product jug"','Front: Product jug',1,'hs-w42w4uxiz6krqgyoo4qtnbbqt7','failed','item_cc57b2de8143',NULL,1,NULL,NULL,0,NULL,'[]','HTTP 500: system error',NULL,NULL,'2026-11-22 09:06:54.837000');
INSERT INTO "image" VALUES(18,9,10,1,'side','Side view of "Product jug"','Side: Product jug',1,'hs-esaumifuxjxajvkoqfuzcecuoj','publishing','item_9bc17be343ef','http://127.0.0.1:40635/results/b5bce522549e75bac501.png',0,'c9bb4f3bb46942d7',NULL,0,'f68c34c822bfbcb50459561c984b005c08823df5984178888694e9dd897df7de','["small"]',NULL,'2026-11-22 09:07:34.143000','anna','2026-11-22 09:06:54.837000');
INSERT INTO "image" VALUES(19,10,11,0,'front','Front view of "Product desk"','Front: Product desk',1,'hs-324lkboxtrgxwfy5ve4ejvl4zg','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 09:12:34.143000');
INSERT INTO "image" VALUES(20,10,11,1,'side','Side view of "Product desk"','Side: Product desk',1,'hs-k7jdzww7m5mplsndi5bwqkrxaj','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 09:12:34.143000');
INSERT INTO "image" VALUES(21,11,12,0,'front','Front view of "Product chair"','Front: Product chair',1,'hs-uj537bubqmnx5zle2v4eaicpy2','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "image" VALUES(22,11,12,1,'side','Side view of "Product chair"','Side: Product chair',1,'hs-c6rup4yrkzr272jg76kd7qqfx7','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "image" VALUES(23,12,13,0,'front','Front view of "Product shelf"','Front: Product shelf',1,'hs-zpcm5q5v3xkai6bx7odhsuav4o','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "image" VALUES(24,12,13,1,'side','Side view of "Product shelf"','Side: Product shelf',1,'hs-63dgj4dcrgbielsrcta2nhfmtw','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "image" VALUES(25,13,14,0,'front','Front view of "Product oven"','Front: Product oven',1,'hs-3asyblekn6fl4qx74fa2x5dqt5','cancelled',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "image" VALUES(26,13,14,1,'side','Side view of "Product oven"','Side: Product oven',1,'hs-m6exnzmd3csuqppv7vxnyavyvp','cancelled',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "image" VALUES(27,14,15,0,'front','Front view of "Product bed"','Front: Product bed',1,'hs-s646q7yuojwrnj4c6647jsk2i6','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "image" VALUES(28,14,15,1,'side','Side view of "Product bed"','Side: Product bed',1,'hs-vpjfui6tejazwj3x4ycarfcbs2','waiting',NULL,NULL,0,NULL,NULL,0,NULL,'[]',NULL,NULL,NULL,'2026-11-22 15:12:57.607000');
CREATE TABLE lost_image (
	id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	task_id INTEGER NOT NULL, 
	store_id INTEGER NOT NULL, 
	billed BOOLEAN, 
	reason TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_lost_image PRIMARY KEY (id), 
	CONSTRAINT fk_lost_image_image_id_image FOREIGN KEY(image_id) REFERENCES image (id), 
	CONSTRAINT fk_lost_image_store_id_store FOREIGN KEY(store_id) REFERENCES store (id), 
	CONSTRAINT fk_lost_image_task_id_task FOREIGN KEY(task_id) REFERENCES task (id)
);
INSERT INTO "lost_image" VALUES(1,9,6,1,NULL,'it was accepted and billed, but its id was lost with the answer, so its pictures cannot be fetched','2026-11-22 09:01:12.710000');
INSERT INTO "lost_image" VALUES(2,10,6,1,NULL,'it was accepted and billed, but its id was lost with the answer, so its pictures cannot be fetched','2026-11-22 09:01:12.710000');
CREATE TABLE picture (
	sha VARCHAR(64) NOT NULL, 
	extension VARCHAR(8) NOT NULL, 
	mime VARCHAR(40) NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	dropped_at DATETIME, 
	CONSTRAINT pk_picture PRIMARY KEY (sha)
);
INSERT INTO "picture" VALUES('4477226a3189298ab13e2598950a31a3e7f1530b7d36d05b4c54e2d9b8fb21b7','png','image/png',160,160,818,'2026-11-22 09:00:00.000000',NULL);
INSERT INTO "picture" VALUES('6e5ad4f65a23c69af79db4b97a58d02ecd6bd71c7cea15ddc58dcd95edaaebbb','png','image/png',160,160,860,'2026-11-22 09:00:00.000000',NULL);
INSERT INTO "picture" VALUES('5cc392770ea9a2e94ef79d18f0ed9b7ec2e06cc1980b8f2c56af2977602163da','png','image/png',160,160,902,'2026-11-22 09:00:00.000000',NULL);
INSERT INTO "picture" VALUES('136435b92e5c3781fcdcc423c40b8377420385c64f2616fd6b163da8a6057481','png','image/png',128,128,2316,'2026-11-22 09:00:13.102000',NULL);
INSERT INTO "picture" VALUES('9798b8244303ac39dc629ae5cb29dbfe20729e545bc70a18fbf3400c08cd8765','png','image/png',128,128,2185,'2026-11-22 09:00:13.102000',NULL);
INSERT INTO "picture" VALUES('e15cbcfe7ab161b8f4d33882b9f9e45203b14e8538675624e188665084004b51','png','image/png',128,128,2226,'2026-11-22 09:00:13.102000',NULL);
INSERT INTO "picture" VALUES('98d1f16f3ef2a615f570b7681fc0eaae41a6a6cc1b4ebff51798b467fb6c29f2','png','image/png',128,128,2335,'2026-11-22 09:00:39.306000',NULL);
INSERT INTO "picture" VALUES('486e6e15aeb68f2164ff2c5c89f9e42e1396c16eac8f257964829fd8511e8fbf','png','image/png',128,128,2145,'2026-11-22 09:00:39.306000',NULL);
INSERT INTO "picture" VALUES('a2ee8714ad78ece1a67a324875ba3b26fc98117ff4bfbe482d8b303856878446','png','image/png',128,128,2114,'2026-11-22 09:00:57.709000',NULL);
INSERT INTO "picture" VALUES('f150688d149220bd9a92c78e51f4932f73c8c6ce9a072fc8a0bc0a6360a01c36','png','image/png',160,160,864,'2026-11-22 09:00:57.709000',NULL);
INSERT INTO "picture" VALUES('4f59307b60ea5fe3cf61d5b98ea69f58c0aa03322bc25c3b2272624a71869cd2','png','image/png',160,160,860,'2026-11-22 09:00:57.709000',NULL);
INSERT INTO "picture" VALUES('7191ed87bd5fdc9cca617943dcea0c9b0f5be45ac12eddad094f75de6d7b7774','png','image/png',160,160,850,'2026-11-22 09:01:12.710000',NULL);
INSERT INTO "picture" VALUES('cf7ccc04d88dcdf749a5a979e9b7913388eda9a0d0ad80c08a109667eceef77e','png','image/png',160,160,831,'2026-11-22 09:06:12.730000',NULL);
INSERT INTO "picture" VALUES('c199a29a4c1054586b3fb246a8538ff1e53fedef5424a629217013458adc78da','png','image/png',128,128,2259,'2026-11-22 09:06:41.735000',NULL);
INSERT INTO "picture" VALUES('e2e9b6918b2e426bbf046b749da21f7bf651f50a0180ffd665c2281aa3601592','png','image/png',128,128,2340,'2026-11-22 09:06:41.735000',NULL);
INSERT INTO "picture" VALUES('4eb3a3ac3c76e45343a035c6bbe3c20c2fcca93ea02639ae177b22b57d12c1f5','png','image/png',160,160,864,'2026-11-22 09:06:41.735000',NULL);
INSERT INTO "picture" VALUES('f24fe2fefd216aa6cb3fff5b1e49d4d7d45734c96877b7b411c3ddeb6c2a79f7','png','image/png',128,128,2126,'2026-11-22 09:06:54.837000',NULL);
INSERT INTO "picture" VALUES('86ba7a3e4a91ab26b242348dd0b4c4897a7e3329f6fc43f874fd57ed0a7ae240','png','image/png',128,128,2366,'2026-11-22 09:06:54.837000',NULL);
INSERT INTO "picture" VALUES('821f9f880826da67a31d115e7ad2a4581da567dfc67f348721e9ddd177819ad4','png','image/png',160,160,786,'2026-11-22 09:06:54.837000',NULL);
INSERT INTO "picture" VALUES('f68c34c822bfbcb50459561c984b005c08823df5984178888694e9dd897df7de','png','image/png',128,128,2276,'2026-11-22 09:07:34.143000',NULL);
INSERT INTO "picture" VALUES('f45eaf6eff20ecb68326792f0aebb41af3c520913d253185e9aed2bea7149e98','png','image/png',160,160,846,'2026-11-22 09:12:34.143000',NULL);
INSERT INTO "picture" VALUES('15be6ee6099f3b6758ac0463197ce1c118fd04668f2dc01e67f3b5ef90976277','png','image/png',160,160,864,'2026-11-22 15:12:57.607000',NULL);
INSERT INTO "picture" VALUES('f0ac676c7b7d30c7e49d2e11c8fb51ca13b6189d447381f949f93896c0e04861','png','image/png',160,160,867,'2026-11-22 15:12:57.607000',NULL);
INSERT INTO "picture" VALUES('4e59f7aaea07f24e25321d7e0f2bcea0375175c3e2cfecc5f4cbfd430465ba05','png','image/png',160,160,844,'2026-11-22 15:12:57.607000',NULL);
INSERT INTO "picture" VALUES('422935771b780cb7018ad377d78f5558b635dc965d3d33809345993b63ea74f4','png','image/png',160,160,902,'2026-11-22 15:12:57.607000',NULL);
CREATE TABLE product (
	id INTEGER NOT NULL, 
	store_id INTEGER NOT NULL, 
	external_id VARCHAR(500) NOT NULL, 
	unit VARCHAR(500) NOT NULL, 
	title TEXT NOT NULL, 
	url TEXT NOT NULL, 
	facts JSON NOT NULL, 
	reference_id TEXT NOT NULL, 
	reference_url TEXT NOT NULL, 
	reference_local BOOLEAN NOT NULL, 
	reference_sha VARCHAR(64), 
	state VARCHAR(20) NOT NULL, 
	problem TEXT, 
	owner VARCHAR(64), 
	due_at DATETIME, 
	attempts INTEGER NOT NULL, 
	seen_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_product PRIMARY KEY (id), 
	CONSTRAINT fk_product_store_id_store FOREIGN KEY(store_id) REFERENCES store (id), 
	CONSTRAINT uq_product_store_id_external_id UNIQUE (store_id, external_id)
);
INSERT INTO "product" VALUES(1,1,'mug','mug','Product mug','','{"title": "Product mug", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','mug.png','/srv/shop/mug.png',1,'4477226a3189298ab13e2598950a31a3e7f1530b7d36d05b4c54e2d9b8fb21b7','ready',NULL,'77e5c41b43af064c',NULL,0,'2026-11-22 09:06:12.730000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000');
INSERT INTO "product" VALUES(2,1,'lamp','lamp','Product lamp','','{"title": "Product lamp", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','lamp.png','/srv/shop/lamp.png',1,'6e5ad4f65a23c69af79db4b97a58d02ecd6bd71c7cea15ddc58dcd95edaaebbb','ready',NULL,'77e5c41b43af064c',NULL,0,'2026-11-22 09:06:12.730000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000');
INSERT INTO "product" VALUES(3,1,'bag','bag','Product bag','','{"title": "Product bag", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','bag.png','/srv/shop/bag.png',1,'5cc392770ea9a2e94ef79d18f0ed9b7ec2e06cc1980b8f2c56af2977602163da','ready',NULL,'77e5c41b43af064c',NULL,0,'2026-11-22 09:06:12.730000','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000');
INSERT INTO "product" VALUES(4,1,'sofa','sofa','Product sofa','','{"title": "Product sofa", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','sofa.png','/srv/shop/sofa.png',1,'f150688d149220bd9a92c78e51f4932f73c8c6ce9a072fc8a0bc0a6360a01c36','ready',NULL,'a736fc100e8672e2',NULL,0,'2026-11-22 09:06:12.730000','2026-11-22 09:00:57.709001','2026-11-22 09:00:57.709000');
INSERT INTO "product" VALUES(5,1,'rug','rug','Product rug','','{"title": "Product rug", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','rug.png','/srv/shop/rug.png',1,'4f59307b60ea5fe3cf61d5b98ea69f58c0aa03322bc25c3b2272624a71869cd2','ready',NULL,'7b747cbda4a64bc9',NULL,0,'2026-11-22 09:06:12.730000','2026-11-22 09:00:57.709001','2026-11-22 09:00:57.709000');
INSERT INTO "product" VALUES(6,1,'vase','vase','Product vase','','{"title": "Product vase", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','vase.png','/srv/shop/vase.png',1,'7191ed87bd5fdc9cca617943dcea0c9b0f5be45ac12eddad094f75de6d7b7774','ready',NULL,'44e82ec755f437ef',NULL,0,'2026-11-22 09:06:12.730000','2026-11-22 09:01:12.710000','2026-11-22 09:01:12.710000');
INSERT INTO "product" VALUES(7,1,'tray','tray','Product tray','','{"title": "Product tray", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','tray.png','/srv/shop/tray.png',1,'cf7ccc04d88dcdf749a5a979e9b7913388eda9a0d0ad80c08a109667eceef77e','ready',NULL,'1ac37665a2b1933c',NULL,0,'2026-11-22 09:12:34.143000','2026-11-22 09:06:12.730000','2026-11-22 09:06:12.730000');
INSERT INTO "product" VALUES(8,1,'bowl','bowl','Product bowl','','{"title": "Product bowl", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','bowl.png','/srv/shop/bowl.png',1,'4eb3a3ac3c76e45343a035c6bbe3c20c2fcca93ea02639ae177b22b57d12c1f5','ready',NULL,'a1d8e39e300c4dcd',NULL,0,'2026-11-22 09:12:34.143000','2026-11-22 09:06:41.735000','2026-11-22 09:06:41.735000');
INSERT INTO "product" VALUES(9,1,'cup','cup','Product cup','','{"title": "Product cup", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','cup.png','/srv/shop/cup.png',1,'4f59307b60ea5fe3cf61d5b98ea69f58c0aa03322bc25c3b2272624a71869cd2','ready',NULL,'c9bb4f3bb46942d7',NULL,0,'2026-11-22 09:12:34.143000','2026-11-22 09:06:54.837000','2026-11-22 09:06:54.837000');
INSERT INTO "product" VALUES(10,1,'jug','jug','Product jug','','{"title": "Product jug", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','jug.png','/srv/shop/jug.png',1,'821f9f880826da67a31d115e7ad2a4581da567dfc67f348721e9ddd177819ad4','ready',NULL,'c9bb4f3bb46942d7',NULL,0,'2026-11-22 09:12:34.143000','2026-11-22 09:06:54.837000','2026-11-22 09:06:54.837000');
INSERT INTO "product" VALUES(11,1,'desk','desk','Product desk','','{"title": "Product desk", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','desk.png','/srv/shop/desk.png',1,'f45eaf6eff20ecb68326792f0aebb41af3c520913d253185e9aed2bea7149e98','ready',NULL,'1f01c153b382e138',NULL,0,'2026-11-22 15:12:57.607000','2026-11-22 09:12:34.143000','2026-11-22 09:12:34.143000');
INSERT INTO "product" VALUES(12,1,'chair','chair','Product chair','','{"title": "Product chair", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','chair.png','/srv/shop/chair.png',1,'15be6ee6099f3b6758ac0463197ce1c118fd04668f2dc01e67f3b5ef90976277','ready',NULL,'a1e10f3141407bd8',NULL,0,'2026-11-22 15:12:57.607000','2026-11-22 15:12:57.607000','2026-11-22 15:12:57.607000');
INSERT INTO "product" VALUES(13,1,'shelf','shelf','Product shelf','','{"title": "Product shelf", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','shelf.png','/srv/shop/shelf.png',1,'f0ac676c7b7d30c7e49d2e11c8fb51ca13b6189d447381f949f93896c0e04861','ready',NULL,'fd78942ef7cfe791',NULL,0,'2026-11-22 15:12:57.607000','2026-11-22 15:12:57.607001','2026-11-22 15:12:57.607000');
INSERT INTO "product" VALUES(14,1,'oven','oven','Product oven','','{"title": "Product oven", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','oven.png','/srv/shop/oven.png',1,'4e59f7aaea07f24e25321d7e0f2bcea0375175c3e2cfecc5f4cbfd430465ba05','excluded',NULL,'fd78942ef7cfe791',NULL,0,'2026-11-22 15:12:57.607000','2026-11-22 15:12:57.607001','2026-11-22 15:12:57.607000');
INSERT INTO "product" VALUES(15,1,'bed','bed','Product bed','','{"title": "Product bed", "description": "", "vendor": "", "kind": "", "tags": [], "options": {}, "price": "", "currency": ""}','bed.png','/srv/shop/bed.png',1,'422935771b780cb7018ad377d78f5558b635dc965d3d33809345993b63ea74f4','ready',NULL,'fd78942ef7cfe791',NULL,0,'2026-11-22 15:12:57.607000','2026-11-22 15:12:57.607001','2026-11-22 15:12:57.607000');
CREATE TABLE publication (
	id INTEGER NOT NULL, 
	store_id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	placement VARCHAR(20) NOT NULL, 
	"before" JSON, 
	"after" JSON, 
	owner VARCHAR(64), 
	due_at DATETIME, 
	attempts INTEGER NOT NULL, 
	error TEXT, 
	created_at DATETIME NOT NULL, 
	published_at DATETIME, 
	withdrawn_at DATETIME, 
	CONSTRAINT pk_publication PRIMARY KEY (id), 
	CONSTRAINT fk_publication_product_id_product FOREIGN KEY(product_id) REFERENCES product (id), 
	CONSTRAINT fk_publication_round_id_round FOREIGN KEY(round_id) REFERENCES round (id), 
	CONSTRAINT fk_publication_store_id_store FOREIGN KEY(store_id) REFERENCES store (id)
);
INSERT INTO "publication" VALUES(1,1,1,1,'withdrawn','append','{"product_id": "mug", "images": [{"id": "mug.png", "url": "", "alt": ""}], "main": "mug.png", "place": "3130fcbfce7cb7cd"}','{"product_id": "mug", "images": [{"id": "mug.png", "url": "", "alt": ""}, {"id": "out-pictures/product-mug-hs-d76kycavmmzbiyhjereigiehbn.png", "url": "", "alt": "Side: Product mug"}], "main": "mug.png"}','94632602d441f5a9',NULL,0,NULL,'2026-11-22 09:00:39.306000','2026-11-22 09:00:39.306000','2026-11-22 09:00:39.306000');
INSERT INTO "publication" VALUES(2,1,2,2,'published','append','{"product_id": "lamp", "images": [{"id": "lamp.png", "url": "", "alt": ""}], "main": "lamp.png", "place": "3130fcbfce7cb7cd"}','{"product_id": "lamp", "images": [{"id": "lamp.png", "url": "", "alt": ""}, {"id": "out-pictures/product-lamp-hs-ax5bygtgdxk3idsxwencvnvn4a.png", "url": "", "alt": "Front: Product lamp"}, {"id": "out-pictures/product-lamp-hs-xbplqskceek2r6kyvdfigsyjcd.png", "url": "", "alt": "Side: Product lamp"}], "main": "lamp.png"}','77e5c41b43af064c',NULL,0,NULL,'2026-11-22 09:00:39.306000','2026-11-22 09:00:39.306000',NULL);
INSERT INTO "publication" VALUES(3,1,3,3,'published','append','{"product_id": "bag", "images": [{"id": "bag.png", "url": "", "alt": ""}], "main": "bag.png", "place": "3130fcbfce7cb7cd"}','{"product_id": "bag", "images": [{"id": "bag.png", "url": "", "alt": ""}, {"id": "out-pictures/product-bag-hs-v5eorfwp26ki52vai6xttb7m2w.png", "url": "", "alt": "Front: Product bag"}, {"id": "out-pictures/product-bag-hs-2dqv5efnjow6drq7v5ksh2ghmr.png", "url": "", "alt": "Side: Product bag"}], "main": "bag.png"}','77e5c41b43af064c',NULL,0,NULL,'2026-11-22 09:00:39.306000','2026-11-22 09:00:39.306000',NULL);
INSERT INTO "publication" VALUES(4,1,1,1,'published','append','{"product_id": "mug", "images": [{"id": "mug.png", "url": "", "alt": ""}], "main": "mug.png", "place": "3130fcbfce7cb7cd"}','{"product_id": "mug", "images": [{"id": "mug.png", "url": "", "alt": ""}, {"id": "out-pictures/product-mug-hs-inuevfftdqcjjt4c5xvzika7bu.png", "url": "", "alt": "Front: Product mug"}], "main": "mug.png"}','b705ca852225f732',NULL,0,NULL,'2026-11-22 09:00:57.709000','2026-11-22 09:00:57.709000',NULL);
INSERT INTO "publication" VALUES(5,1,8,8,'published','append','{"product_id": "bowl", "images": [{"id": "bowl.png", "url": "", "alt": ""}], "main": "bowl.png", "place": "3130fcbfce7cb7cd"}','{"product_id": "bowl", "images": [{"id": "bowl.png", "url": "", "alt": ""}, {"id": "out-pictures/product-bowl-hs-j7qgi7pw7g2x3ok2zninkyzq5i.png", "url": "", "alt": "Side: Product bowl"}], "main": "bowl.png"}','c9bb4f3bb46942d7',NULL,0,NULL,'2026-11-22 09:06:54.837000','2026-11-22 09:06:54.837000',NULL);
INSERT INTO "publication" VALUES(6,1,10,9,'publishing','append',NULL,NULL,'fe67a16f5b0ae30e','2026-11-22 09:22:34.143000',0,NULL,'2026-11-22 09:12:34.143000',NULL,NULL);
CREATE TABLE publication_image (
	id INTEGER NOT NULL, 
	publication_id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	alt TEXT NOT NULL, 
	refused TEXT, 
	CONSTRAINT pk_publication_image PRIMARY KEY (id), 
	CONSTRAINT fk_publication_image_image_id_image FOREIGN KEY(image_id) REFERENCES image (id), 
	CONSTRAINT fk_publication_image_publication_id_publication FOREIGN KEY(publication_id) REFERENCES publication (id), 
	CONSTRAINT uq_publication_image_publication_id_image_id UNIQUE (publication_id, image_id)
);
INSERT INTO "publication_image" VALUES(1,1,2,'Side: Product mug',NULL);
INSERT INTO "publication_image" VALUES(2,2,3,'Front: Product lamp',NULL);
INSERT INTO "publication_image" VALUES(3,2,4,'Side: Product lamp',NULL);
INSERT INTO "publication_image" VALUES(4,3,5,'Front: Product bag',NULL);
INSERT INTO "publication_image" VALUES(5,3,6,'Side: Product bag',NULL);
INSERT INTO "publication_image" VALUES(6,4,1,'Front: Product mug',NULL);
INSERT INTO "publication_image" VALUES(7,5,16,'Side: Product bowl',NULL);
INSERT INTO "publication_image" VALUES(8,6,18,'Side: Product jug',NULL);
CREATE TABLE quota_reading (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	source VARCHAR(20) NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	level VARCHAR(60) NOT NULL, 
	daily_limit INTEGER, 
	used INTEGER, 
	remaining INTEGER, 
	CONSTRAINT pk_quota_reading PRIMARY KEY (id), 
	CONSTRAINT fk_quota_reading_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
);
INSERT INTO "quota_reading" VALUES(1,1,'2026-11-22 09:00:00.000000','quota',1,'vip1',400,0,400);
INSERT INTO "quota_reading" VALUES(2,1,'2026-11-22 09:00:00.000000','submit',1,'vip1',400,2,398);
INSERT INTO "quota_reading" VALUES(3,1,'2026-11-22 09:00:00.000000','submit',1,'vip1',400,4,396);
INSERT INTO "quota_reading" VALUES(4,1,'2026-11-22 09:00:00.000000','submit',1,'vip1',400,6,394);
INSERT INTO "quota_reading" VALUES(5,1,'2026-11-22 09:00:39.306000','quota',1,'vip1',400,5,395);
INSERT INTO "quota_reading" VALUES(6,1,'2026-11-22 09:00:57.709000','quota',1,'vip1',400,6,394);
INSERT INTO "quota_reading" VALUES(7,1,'2026-11-22 09:00:57.709000','quota',1,'vip1',400,8,392);
INSERT INTO "quota_reading" VALUES(8,1,'2026-11-22 09:01:12.710000','quota',1,'vip1',400,8,392);
INSERT INTO "quota_reading" VALUES(9,1,'2026-11-22 09:01:12.710000','quota',1,'vip1',400,8,392);
INSERT INTO "quota_reading" VALUES(10,1,'2026-11-22 09:01:27.711000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(11,1,'2026-11-22 09:01:42.712000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(12,1,'2026-11-22 09:01:57.713000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(13,1,'2026-11-22 09:02:12.714000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(14,1,'2026-11-22 09:02:27.715000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(15,1,'2026-11-22 09:02:42.716000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(16,1,'2026-11-22 09:02:57.717000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(17,1,'2026-11-22 09:03:12.718000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(18,1,'2026-11-22 09:03:27.719000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(19,1,'2026-11-22 09:03:42.720000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(20,1,'2026-11-22 09:03:57.721000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(21,1,'2026-11-22 09:04:12.722000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(22,1,'2026-11-22 09:04:27.723000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(23,1,'2026-11-22 09:04:42.724000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(24,1,'2026-11-22 09:04:57.725000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(25,1,'2026-11-22 09:05:12.726000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(26,1,'2026-11-22 09:05:27.727000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(27,1,'2026-11-22 09:05:42.728000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(28,1,'2026-11-22 09:05:57.729000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(29,1,'2026-11-22 09:06:12.730000','quota',1,'vip1',400,7,393);
INSERT INTO "quota_reading" VALUES(30,1,'2026-11-22 09:06:12.730000','submit',1,'vip1',400,9,391);
INSERT INTO "quota_reading" VALUES(31,1,'2026-11-22 09:06:41.735000','submit',1,'vip1',400,11,389);
INSERT INTO "quota_reading" VALUES(32,1,'2026-11-22 09:06:54.837000','submit',1,'vip1',400,13,387);
INSERT INTO "quota_reading" VALUES(33,1,'2026-11-22 09:12:34.143000','quota',1,'vip1',400,12,388);
INSERT INTO "quota_reading" VALUES(34,1,'2026-11-22 09:12:34.143000','submit',1,'vip1',400,14,386);
INSERT INTO "quota_reading" VALUES(35,1,'2026-11-22 15:12:57.607000','quota',1,'vip1',400,13,387);
INSERT INTO "quota_reading" VALUES(36,1,'2026-11-22 15:12:57.607000','submit',1,'vip1',400,15,385);
CREATE TABLE round (
	id INTEGER NOT NULL, 
	store_id INTEGER NOT NULL, 
	reference_sha VARCHAR(64) NOT NULL, 
	pack VARCHAR(100) NOT NULL, 
	number INTEGER NOT NULL, 
	pack_version INTEGER NOT NULL, 
	language VARCHAR(10) NOT NULL, 
	publish_due_at DATETIME, 
	decided_at DATETIME, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_round PRIMARY KEY (id), 
	CONSTRAINT fk_round_store_id_store FOREIGN KEY(store_id) REFERENCES store (id), 
	CONSTRAINT uq_round_store_id_reference_sha_pack_number UNIQUE (store_id, reference_sha, pack, number)
);
INSERT INTO "round" VALUES(1,1,'4477226a3189298ab13e2598950a31a3e7f1530b7d36d05b4c54e2d9b8fb21b7','mini',1,1,'en',NULL,'2026-11-22 09:00:57.709000','2026-11-22 09:00:00.000000');
INSERT INTO "round" VALUES(2,1,'6e5ad4f65a23c69af79db4b97a58d02ecd6bd71c7cea15ddc58dcd95edaaebbb','mini',1,1,'en',NULL,'2026-11-22 09:00:39.306000','2026-11-22 09:00:00.000000');
INSERT INTO "round" VALUES(3,1,'5cc392770ea9a2e94ef79d18f0ed9b7ec2e06cc1980b8f2c56af2977602163da','mini',1,1,'en',NULL,'2026-11-22 09:00:39.306000','2026-11-22 09:00:00.000000');
INSERT INTO "round" VALUES(4,1,'f150688d149220bd9a92c78e51f4932f73c8c6ce9a072fc8a0bc0a6360a01c36','mini',1,1,'en',NULL,NULL,'2026-11-22 09:00:57.709000');
INSERT INTO "round" VALUES(5,1,'4f59307b60ea5fe3cf61d5b98ea69f58c0aa03322bc25c3b2272624a71869cd2','mini',1,1,'en',NULL,NULL,'2026-11-22 09:00:57.709000');
INSERT INTO "round" VALUES(6,1,'7191ed87bd5fdc9cca617943dcea0c9b0f5be45ac12eddad094f75de6d7b7774','mini',1,1,'en',NULL,NULL,'2026-11-22 09:01:12.710000');
INSERT INTO "round" VALUES(7,1,'cf7ccc04d88dcdf749a5a979e9b7913388eda9a0d0ad80c08a109667eceef77e','mini',1,1,'en',NULL,'2026-11-22 09:06:41.735000','2026-11-22 09:06:12.730000');
INSERT INTO "round" VALUES(8,1,'4eb3a3ac3c76e45343a035c6bbe3c20c2fcca93ea02639ae177b22b57d12c1f5','mini',1,1,'en',NULL,'2026-11-22 09:06:54.837000','2026-11-22 09:06:41.735000');
INSERT INTO "round" VALUES(9,1,'821f9f880826da67a31d115e7ad2a4581da567dfc67f348721e9ddd177819ad4','mini',1,1,'en',NULL,'2026-11-22 09:07:34.143000','2026-11-22 09:06:54.837000');
INSERT INTO "round" VALUES(10,1,'f45eaf6eff20ecb68326792f0aebb41af3c520913d253185e9aed2bea7149e98','mini',1,1,'en',NULL,NULL,'2026-11-22 09:12:34.143000');
INSERT INTO "round" VALUES(11,1,'15be6ee6099f3b6758ac0463197ce1c118fd04668f2dc01e67f3b5ef90976277','mini',1,1,'en',NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "round" VALUES(12,1,'f0ac676c7b7d30c7e49d2e11c8fb51ca13b6189d447381f949f93896c0e04861','mini',1,1,'en',NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "round" VALUES(13,1,'4e59f7aaea07f24e25321d7e0f2bcea0375175c3e2cfecc5f4cbfd430465ba05','mini',1,1,'en',NULL,NULL,'2026-11-22 15:12:57.607000');
INSERT INTO "round" VALUES(14,1,'422935771b780cb7018ad377d78f5558b635dc965d3d33809345993b63ea74f4','mini',1,1,'en',NULL,NULL,'2026-11-22 15:12:57.607000');
CREATE TABLE round_member (
	id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	CONSTRAINT pk_round_member PRIMARY KEY (id), 
	CONSTRAINT fk_round_member_product_id_product FOREIGN KEY(product_id) REFERENCES product (id), 
	CONSTRAINT fk_round_member_round_id_round FOREIGN KEY(round_id) REFERENCES round (id), 
	CONSTRAINT uq_round_member_round_id_product_id UNIQUE (round_id, product_id)
);
INSERT INTO "round_member" VALUES(1,1,1);
INSERT INTO "round_member" VALUES(2,2,2);
INSERT INTO "round_member" VALUES(3,3,3);
INSERT INTO "round_member" VALUES(4,4,4);
INSERT INTO "round_member" VALUES(5,5,5);
INSERT INTO "round_member" VALUES(6,6,6);
INSERT INTO "round_member" VALUES(7,7,7);
INSERT INTO "round_member" VALUES(8,8,8);
INSERT INTO "round_member" VALUES(9,5,9);
INSERT INTO "round_member" VALUES(10,9,10);
INSERT INTO "round_member" VALUES(11,10,11);
INSERT INTO "round_member" VALUES(12,11,12);
INSERT INTO "round_member" VALUES(13,12,13);
INSERT INTO "round_member" VALUES(14,13,14);
INSERT INTO "round_member" VALUES(15,14,15);
CREATE TABLE settings_page (
	section VARCHAR(40) NOT NULL, 
	"values" JSON NOT NULL, 
	secrets_token TEXT, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_settings_page PRIMARY KEY (section)
);
INSERT INTO "settings_page" VALUES('hebo','{"daily_budget": 200}','gAAAAABrA2bb_EnuZJ_FzaoF0rMlEwtLE00hNS9sg_XoHj6XPsKUM9xF1D94ZftI1066d47GEThOolczPHYIaOT-lGRq2FL6zj7ygHAVui-5PbBp4AWN1T77Ni8zLSMTjF3tWPoozG5C7QFlKUOxsYAVvH8TRSYCTk8RMgES3p8RMN0dJ_G7314=','2026-11-22 15:12:57.607000');
CREATE TABLE sign_in (
	id INTEGER NOT NULL, 
	admin_id INTEGER NOT NULL, 
	token_sha VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_sign_in PRIMARY KEY (id), 
	CONSTRAINT fk_sign_in_admin_id_admin FOREIGN KEY(admin_id) REFERENCES admin (id) ON DELETE CASCADE, 
	CONSTRAINT uq_sign_in_token_sha UNIQUE (token_sha)
);
INSERT INTO "sign_in" VALUES(1,1,'5555555555555555555555555555555555555555555555555555555555555555','2026-11-22 15:12:57.607000','2026-11-22 15:12:57.607000','2026-12-22 15:12:57.607000');
CREATE TABLE store (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	provisioned BOOLEAN NOT NULL, 
	config_token TEXT, 
	account_id INTEGER, 
	paused BOOLEAN NOT NULL, 
	refresh_due_at DATETIME, 
	refresh_owner VARCHAR(64), 
	refreshed_until DATETIME, 
	swept_at DATETIME, 
	write_owner VARCHAR(64), 
	write_until DATETIME, 
	problem TEXT, 
	created_at DATETIME NOT NULL, scheduled_at DATETIME, 
	CONSTRAINT pk_store PRIMARY KEY (id), 
	CONSTRAINT fk_store_account_id_account FOREIGN KEY(account_id) REFERENCES account (id), 
	CONSTRAINT uq_store_name UNIQUE (name)
);
INSERT INTO "store" VALUES(1,'shop','feed',1,NULL,NULL,0,NULL,NULL,'2026-11-22 15:12:57.607000','2026-11-22 09:00:00.000000','fe67a16f5b0ae30e','2026-11-22 09:22:34.143000',NULL,'2026-11-22 09:00:00.000000',NULL);
INSERT INTO "store" VALUES(2,'second','feed',0,'gAAAAABrA2bbnvRE0k8v_Dbeega93TnjJnba51mAPrhXt9bQiFMrlhqLf-MbLLetd_o3mQ8vSJKOgsr1noZHhvOizQDtpFa6NzQJIVhaWW7GYk286n8SX7NjJHbEUh6W_UWR2gXX-IrdTRqJ65nhsV9yJpX0-G23F9nhImZxYSl8dZ8QLUvt9U-GgvB6_1EpmkFV7eP5TttP58BmZF-iA723nBmkoA9Yag==',1,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22 15:12:57.607000',NULL);
CREATE TABLE task (
	id INTEGER NOT NULL, 
	round_id INTEGER NOT NULL, 
	part INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	parent_id INTEGER, 
	account_id INTEGER, 
	store_id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	due_at DATETIME, 
	priority INTEGER NOT NULL, 
	model VARCHAR(100) NOT NULL, 
	size VARCHAR(20), 
	aspect_ratio VARCHAR(10), 
	remote_id VARCHAR(200), 
	remote_status VARCHAR(60), 
	item_order JSON, 
	owner VARCHAR(64), 
	sent_at DATETIME, 
	answered_at DATETIME, 
	polled_at DATETIME, 
	polls INTEGER NOT NULL, 
	refused_polls INTEGER NOT NULL, 
	troubles INTEGER NOT NULL, 
	baseline_used INTEGER, 
	baseline_at DATETIME, 
	doubt_at DATETIME, 
	doubt_note TEXT, 
	reserved INTEGER NOT NULL, 
	billable INTEGER, 
	refunded INTEGER, 
	error TEXT, 
	created_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_task PRIMARY KEY (id), 
	CONSTRAINT fk_task_account_id_account FOREIGN KEY(account_id) REFERENCES account (id), 
	CONSTRAINT fk_task_parent_id_task FOREIGN KEY(parent_id) REFERENCES task (id), 
	CONSTRAINT fk_task_product_id_product FOREIGN KEY(product_id) REFERENCES product (id), 
	CONSTRAINT fk_task_round_id_round FOREIGN KEY(round_id) REFERENCES round (id), 
	CONSTRAINT fk_task_store_id_store FOREIGN KEY(store_id) REFERENCES store (id), 
	CONSTRAINT uq_task_round_id_part_attempt UNIQUE (round_id, part, attempt)
);
INSERT INTO "task" VALUES(1,1,1,0,NULL,1,1,1,'done',NULL,0,'gpt-image-2-1k','64x64','1:1','ecom_1783178613_8399dd01f9','partial_failed','["item_faf3d8836aff", "item_e80cd8b2b152"]','77e5c41b43af064c','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:13.102000',2,0,0,0,'2026-11-22 09:00:00.000000',NULL,NULL,2,1,1,NULL,'2026-11-22 09:00:00.000000','2026-11-22 09:00:13.102000');
INSERT INTO "task" VALUES(2,2,1,0,NULL,1,1,2,'done',NULL,0,'gpt-image-2-1k','64x64','1:1','ecom_1783178614_8ac920d451','completed','["item_ab0051caa1f1", "item_a2ffed050c6c"]','77e5c41b43af064c','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:13.102000',2,0,0,2,'2026-11-22 09:00:00.000000',NULL,NULL,2,2,0,NULL,'2026-11-22 09:00:00.000000','2026-11-22 09:00:13.102000');
INSERT INTO "task" VALUES(3,3,1,0,NULL,1,1,3,'done',NULL,0,'gpt-image-2-1k','64x64','1:1','ecom_1783178615_60aa00e447','completed','["item_ea9cfaa23bec", "item_dc7b7f024d93"]','77e5c41b43af064c','2026-11-22 09:00:00.000000','2026-11-22 09:00:00.000000','2026-11-22 09:00:39.306000',6,0,0,4,'2026-11-22 09:00:00.000000',NULL,NULL,2,2,0,NULL,'2026-11-22 09:00:00.000000','2026-11-22 09:00:39.306000');
INSERT INTO "task" VALUES(4,1,1,1,1,1,1,1,'done',NULL,0,'gpt-image-2-1k','64x64','1:1','ecom_retry_1783178616_aa4b5337a1','completed','["item_71e52ac120c3"]','94632602d441f5a9','2026-11-22 09:00:39.306000','2026-11-22 09:00:39.306000','2026-11-22 09:00:57.709000',3,0,0,5,'2026-11-22 09:00:39.306000',NULL,NULL,1,1,0,NULL,'2026-11-22 09:00:39.306000','2026-11-22 09:00:57.709000');
INSERT INTO "task" VALUES(5,4,1,0,NULL,1,1,4,'failed',NULL,0,'gpt-image-2-1k','64x64','1:1',NULL,NULL,NULL,'a736fc100e8672e2',NULL,NULL,NULL,0,0,0,NULL,NULL,NULL,NULL,0,NULL,NULL,'HTTP 400: system error','2026-11-22 09:00:57.709000','2026-11-22 09:00:57.709000');
INSERT INTO "task" VALUES(6,5,1,0,NULL,1,1,5,'lost',NULL,0,'gpt-image-2-1k','64x64','1:1',NULL,NULL,NULL,'7b747cbda4a64bc9','2026-11-22 09:00:57.709000',NULL,NULL,0,0,0,6,'2026-11-22 09:00:57.709000','2026-11-22 09:00:57.709000','used rose by exactly 2',2,NULL,NULL,'it was accepted and billed, but its id was lost with the answer, so its pictures cannot be fetched','2026-11-22 09:00:57.709000','2026-11-22 09:01:12.710000');
INSERT INTO "task" VALUES(7,6,1,0,NULL,1,1,6,'in_doubt',NULL,0,'gpt-image-2-1k','64x64','1:1',NULL,NULL,NULL,'44e82ec755f437ef','2026-11-22 09:01:12.710000',NULL,NULL,0,0,0,8,'2026-11-22 09:01:12.710000','2026-11-22 09:01:12.710000','used changed by -1, which does not tell whether 2 prompts were accepted',2,NULL,NULL,NULL,'2026-11-22 09:01:12.710000',NULL);
INSERT INTO "task" VALUES(8,7,1,0,NULL,1,1,7,'done',NULL,0,'gpt-image-2-1k','64x64','1:1','ecom_1783178618_db9d602999','completed','["item_a76af6164933", "item_8a7441383057"]','1ac37665a2b1933c','2026-11-22 09:06:12.730000','2026-11-22 09:06:12.730000','2026-11-22 09:06:41.735000',5,0,0,7,'2026-11-22 09:06:12.730000',NULL,NULL,2,2,0,NULL,'2026-11-22 09:06:12.730000','2026-11-22 09:06:41.735000');
INSERT INTO "task" VALUES(9,8,1,0,NULL,1,1,8,'done',NULL,0,'gpt-image-2-1k','64x64','1:1','ecom_1783178619_3d082e1b76','completed','["item_6ca03779af87", "item_ede5bbce09fa"]','a1d8e39e300c4dcd','2026-11-22 09:06:41.735000','2026-11-22 09:06:41.735000','2026-11-22 09:06:54.837000',2,0,0,9,'2026-11-22 09:06:12.730000',NULL,NULL,2,2,0,NULL,'2026-11-22 09:06:41.735000','2026-11-22 09:06:54.837000');
INSERT INTO "task" VALUES(10,9,1,0,NULL,1,1,10,'done',NULL,0,'gpt-image-2-1k','64x64','1:1','ecom_1783178620_53e9f993c3','partial_failed','["item_cc57b2de8143", "item_9bc17be343ef"]','c9bb4f3bb46942d7','2026-11-22 09:06:54.837000','2026-11-22 09:06:54.837000','2026-11-22 09:07:34.143000',6,0,0,11,'2026-11-22 09:06:41.735000',NULL,NULL,2,1,1,NULL,'2026-11-22 09:06:54.837000','2026-11-22 09:07:34.143000');
INSERT INTO "task" VALUES(11,10,1,0,NULL,1,1,11,'stalled','2026-11-22 15:22:57.607000',0,'gpt-image-2-1k','64x64','1:1','ecom_1783178621_eaf38fbfda',NULL,NULL,'1f01c153b382e138','2026-11-22 09:12:34.143000','2026-11-22 09:12:34.143000','2026-11-22 15:12:57.607000',364,0,364,12,'2026-11-22 09:12:34.143000',NULL,NULL,2,NULL,NULL,'unknown status ''postprocessing''','2026-11-22 09:12:34.143000',NULL);
INSERT INTO "task" VALUES(12,11,1,0,NULL,1,1,12,'generating','2026-11-22 15:13:05.407000',0,'gpt-image-2-1k','64x64','1:1','ecom_1783178622_303bcfad40',NULL,NULL,'a1e10f3141407bd8','2026-11-22 15:12:57.607000','2026-11-22 15:12:57.607000',NULL,0,0,0,13,'2026-11-22 15:12:57.607000',NULL,NULL,2,NULL,NULL,NULL,'2026-11-22 15:12:57.607000',NULL);
INSERT INTO "task" VALUES(13,12,1,0,NULL,1,1,13,'submitting','2026-11-22 15:14:22.607000',0,'gpt-image-2-1k','64x64','1:1',NULL,NULL,NULL,'fd78942ef7cfe791','2026-11-22 15:12:57.607000',NULL,NULL,0,0,0,15,'2026-11-22 15:12:57.607000',NULL,NULL,2,NULL,NULL,NULL,'2026-11-22 15:12:57.607000',NULL);
INSERT INTO "task" VALUES(14,13,1,0,NULL,NULL,1,14,'cancelled',NULL,0,'gpt-image-2-1k','64x64','1:1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,'2026-11-22 15:12:57.607000',NULL);
INSERT INTO "task" VALUES(15,14,1,0,NULL,NULL,1,15,'planned','2026-11-22 15:12:57.607000',0,'gpt-image-2-1k','64x64','1:1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,'2026-11-22 15:12:57.607000',NULL);
CREATE INDEX ix_quota_reading_account_id_at ON quota_reading (account_id, at);
CREATE INDEX ix_product_due ON product (due_at);
CREATE INDEX ix_product_store_id_reference_sha ON product (store_id, reference_sha);
CREATE INDEX ix_product_store_id_reference_url ON product (store_id, reference_url);
CREATE INDEX ix_round_publish_due_at ON round (publish_due_at);
CREATE INDEX ix_publication_product_id ON publication (product_id);
CREATE INDEX ix_publication_round_id ON publication (round_id);
CREATE INDEX ix_publication_state_due_at ON publication (state, due_at);
CREATE INDEX ix_round_member_product_id ON round_member (product_id);
CREATE INDEX ix_task_account_id_state ON task (account_id, state);
CREATE INDEX ix_task_product_id ON task (product_id);
CREATE INDEX ix_task_remote_id ON task (remote_id);
CREATE INDEX ix_task_round_id ON task (round_id);
CREATE INDEX ix_task_state_due_at ON task (state, due_at);
CREATE INDEX ix_task_store_id ON task (store_id);
CREATE INDEX ix_event_at ON event (at);
CREATE INDEX ix_event_code ON event (code);
CREATE INDEX ix_image_state_due_at ON image (state, due_at);
CREATE INDEX ix_image_task_id ON image (task_id);
CREATE INDEX ix_lost_image_image_id ON lost_image (image_id);
CREATE INDEX ix_publication_image_image_id ON publication_image (image_id);
CREATE INDEX ix_sign_in_admin_id ON sign_in (admin_id);
CREATE INDEX ix_sign_in_expires_at ON sign_in (expires_at);
CREATE INDEX ix_image_state_round_id ON image (state, round_id);
CREATE INDEX ix_task_account_id_sent_at ON task (account_id, sent_at);
CREATE INDEX ix_product_store_id_state ON product (store_id, state);
CREATE INDEX ix_event_product_id_id ON event (product_id, id);
CREATE INDEX ix_event_trouble_id ON event (trouble, id);
COMMIT;
