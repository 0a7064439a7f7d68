--
-- PostgreSQL database dump
--


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    id text NOT NULL COLLATE pg_catalog."C",
    number text NOT NULL COLLATE pg_catalog."C",
    owner_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    moved_at bigint NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    balance_minor bigint NOT NULL,
    held_minor bigint NOT NULL,
    floor_minor bigint,
    line_count bigint NOT NULL,
    daily_limit_minor bigint,
    spent_day bigint NOT NULL,
    spent_minor bigint NOT NULL,
    CONSTRAINT holds_nothing_negative CHECK ((held_minor >= 0)),
    CONSTRAINT not_below_its_floor CHECK (((balance_minor - held_minor) >= floor_minor))
)
WITH (fillfactor='80');


--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: counters; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.counters (
    name text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    ends_at_ms bigint NOT NULL
);


--
-- Name: customers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.customers (
    id text NOT NULL COLLATE pg_catalog."C",
    open_accounts bigint NOT NULL,
    "left" boolean NOT NULL,
    CONSTRAINT counts_no_less_than_none CHECK ((open_accounts >= 0))
);


--
-- Name: entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.entries (
    id text NOT NULL COLLATE pg_catalog."C",
    caller_id text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    action text NOT NULL,
    till bigint NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    recorded_at bigint NOT NULL,
    details text NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: lines; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.lines (
    account_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    entry_id text NOT NULL COLLATE pg_catalog."C",
    posting bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    counterparty text COLLATE pg_catalog."C",
    reference text,
    at bigint NOT NULL
);


--
-- Name: mentions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mentions (
    of_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    entry_id text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.progress (
    entry_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    amount_minor bigint NOT NULL,
    stage text NOT NULL COLLATE pg_catalog."C",
    done_minor bigint NOT NULL,
    done_count bigint NOT NULL,
    due_at bigint,
    CONSTRAINT goes_forward CHECK (((done_minor >= 0) AND (done_count >= 0)))
);


--
-- Name: unsealed_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.unsealed_entries (
    place bigint NOT NULL,
    entry_id text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: unsealed_entries_place_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.unsealed_entries_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: unsealed_entries_place_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.unsealed_entries_place_seq OWNED BY public.unsealed_entries.place;


--
-- Name: unsealed_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.unsealed_events (
    place bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    user_id text COLLATE pg_catalog."C",
    actor_id text COLLATE pg_catalog."C"
);


--
-- Name: unsealed_events_place_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.unsealed_events_place_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: unsealed_events_place_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.unsealed_events_place_seq OWNED BY public.unsealed_events.place;


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id text NOT NULL COLLATE pg_catalog."C",
    username_key text COLLATE pg_catalog."C",
    username text NOT NULL,
    full_name text,
    password_hash text NOT NULL,
    created_at bigint NOT NULL,
    role text NOT NULL COLLATE pg_catalog."C",
    sessions text NOT NULL,
    version bigint NOT NULL,
    deleted_at bigint
);


--
-- Name: unsealed_entries place; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsealed_entries ALTER COLUMN place SET DEFAULT nextval('public.unsealed_entries_place_seq'::regclass);


--
-- Name: unsealed_events place; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsealed_events ALTER COLUMN place SET DEFAULT nextval('public.unsealed_events_place_seq'::regclass);


--
-- Data for Name: accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.accounts VALUES ('till-eur-9', 'till-eur-9', 'bank', 'Cash', 'EUR', 1795909137770309, 1795909137770309, 'open', -10000, 0, NULL, 1, NULL, 0, 0);
INSERT INTO public.accounts VALUES ('till-usd-9', 'till-usd-9', 'bank', 'Cash', 'USD', 1795909137873518, 1795909137873518, 'open', -500, 0, NULL, 1, NULL, 0, 0);
INSERT INTO public.accounts VALUES ('01a22486-b5e5-76b7-9bf9-650d7df833f0', 'DE24999000006794545010', '01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 'Main', 'EUR', 1795909137893607, 1795909137893607, 'closed', 0, 0, 0, 0, NULL, 0, 0);
INSERT INTO public.accounts VALUES ('01a22486-b5b0-72b5-9dc4-34896ae7fd39', 'DE94999000009524517958', '01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 'Main', 'USD', 1795909137840127, 1795909137873518, 'frozen', 500, 0, 0, 1, NULL, 0, 0);
INSERT INTO public.accounts VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 'DE94999000002190875638', '01a22486-b070-7110-9a0b-81bfe3454f04', 'Main', 'EUR', 1795909137650116, 1795909138747478, 'open', 8525, 40, 0, 9, NULL, 0, 0);
INSERT INTO public.accounts VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 'DE73999000008721967399', '01a22486-b1c5-701c-a48e-4c13145c07b2', 'Main', 'EUR', 1795909137816154, 1795909138747478, 'open', 1475, 0, -500, 8, NULL, 0, 0);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0001');


--
-- Data for Name: counters; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.counters VALUES ('LIMITER/sign_up/12ca17b49af2289436f303e0166030a21e525d266e209267433801a8fd4071a0/1000/1/minute', 3, 1795909196395);


--
-- Data for Name: customers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.customers VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 1, false);
INSERT INTO public.customers VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 1, false);
INSERT INTO public.customers VALUES ('01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 1, false);


--
-- Data for Name: entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.entries VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909137650116, '{"type":"account_opened","owner_id":"01a22486-b070-7110-9a0b-81bfe3454f04","name":"Main","currency":"EUR"}', 9, 'recorded', 1795909137650116, '[]', '363e601fb31eaf287e5efe795d0a6d5b95f0c0be132e9eace3318161decf62ec');
INSERT INTO public.entries VALUES ('01a22486-b56a-77f4-af7a-f35acae04574', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909137770309, '{"type":"deposit","account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","amount_minor":10000,"currency":"EUR","reference":null}', 9, 'recorded', 1795909137770309, '[]', '3842651ea31a40006bcd27e09455d2d2b01981de6800daf3e234b177d92cfe3b');
INSERT INTO public.entries VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', '01a22486-b1c5-701c-a48e-4c13145c07b2', 1795909137816154, '{"type":"account_opened","owner_id":"01a22486-b1c5-701c-a48e-4c13145c07b2","name":"Main","currency":"EUR"}', 9, 'recorded', 1795909137816154, '[]', 'f142b8b3e2b7b9bba3cc549f99e54b7bed5bed27469d94e99d81741e8910b9e6');
INSERT INTO public.entries VALUES ('01a22486-b5b0-72b5-9dc4-34896ae7fd39', '01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 1795909137840127, '{"type":"account_opened","owner_id":"01a22486-b3f8-70fe-9c82-cc2dcfd73e27","name":"Main","currency":"USD"}', 9, 'recorded', 1795909137840127, '[]', 'b8778ca714ecd299b13ecbddad8b1eaad18a6335311e3e6b32e537b83979e6ea');
INSERT INTO public.entries VALUES ('01a22486-b5d1-7712-bb9c-ace8e8cfa321', '01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 1795909137873518, '{"type":"deposit","account":"01a22486-b5b0-72b5-9dc4-34896ae7fd39","amount_minor":500,"currency":"USD","reference":null}', 9, 'recorded', 1795909137873518, '[]', '3171832c39be725a8e209298cc589053283020cb655f062a9b402e2bf509ec71');
INSERT INTO public.entries VALUES ('01a22486-b5e5-76b7-9bf9-650d7df833f0', '01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 1795909137893607, '{"type":"account_opened","owner_id":"01a22486-b3f8-70fe-9c82-cc2dcfd73e27","name":"Main","currency":"EUR"}', 9, 'recorded', 1795909137893607, '[]', '8008d6295266745c85d5ffeaa737f774520236221411e2651a365d5dd43a5c1b');
INSERT INTO public.entries VALUES ('e25aef56-2ab6-8550-aad0-1f5a622c8fd6', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909137954259, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":1000,"currency":"EUR","reference":"rent"}', 9, 'recorded', 1795909137954259, '[]', '5213b2a4ad175964f91addc78e7db28725fe5f7b77427276231026503c99ddd2');
INSERT INTO public.entries VALUES ('95235302-9591-82fd-9053-50157177bd72', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909137982059, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":99999,"currency":"EUR"}', 9, 'funds_insufficient', 1795909137982059, '[["shortfall_minor",90999]]', '57871b467f2f9c774a341de40bfdf2f2b83582bf12dfcd552113a580b79f5a75');
INSERT INTO public.entries VALUES ('01a22486-b64f-752e-81d8-04e73e75fb1e', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909137999157, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":250,"currency":"EUR","reference":"to be reversed"}', 9, 'recorded', 1795909137999157, '[]', 'f38fab209af9ce882fed3f8b648548b53e9fd614e5b97488a01d13e40740406f');
INSERT INTO public.entries VALUES ('01a22486-b661-740e-a303-60e360528702', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138017822, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":300,"currency":"EUR","reference":"partly"}', 9, 'recorded', 1795909138017822, '[]', 'd030b0be808d4a3b396ac37d846b8d70154c63f0483e530ae47bfaca927d1db8');
INSERT INTO public.entries VALUES ('a8c2563d-d304-8d57-ab52-29d420d9043c', '01a22486-b1c5-701c-a48e-4c13145c07b2', 1795909138080806, '{"type":"reversal","transfer_id":"01a22486-b661-740e-a303-60e360528702","from_account":"01a22486-b598-77d0-836d-b12f9ff612fe","to_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","amount_minor":100,"reference":null}', 9, 'recorded', 1795909138080806, '[]', '0eef67caa45ff6f41965b6fdac798c9667b239b86134cc85838c46347f114059');
INSERT INTO public.entries VALUES ('01a22486-b6ca-71f4-a5fa-457be44f3cd9', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138122782, '{"type":"hold","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":40,"currency":"EUR","expires_in_s":604800,"reference":null}', 9, 'recorded', 1795909138122782, '[]', 'af5371fd1a2026068a946ece747019fbcad78ddc18c7fb013d9e024b0f72791a');
INSERT INTO public.entries VALUES ('01a22486-b6f0-724f-bc48-fa31092e3f18', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138160722, '{"type":"hold","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":40,"currency":"EUR","expires_in_s":604800,"reference":null}', 9, 'recorded', 1795909138160722, '[]', '6460af823db883298a811b95bdd36afc2622e5fe32331f9e2f6ce80529123239');
INSERT INTO public.entries VALUES ('01a22486-b70f-7105-93e2-87a347682abf', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138191418, '{"type":"hold","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":40,"currency":"EUR","expires_in_s":604800,"reference":null}', 9, 'recorded', 1795909138191418, '[]', 'c0773dd15d72ae746d3fccdc3a62f0ba17bc788b7e7f9bcd8e36581ab82c9b88');
INSERT INTO public.entries VALUES ('01a22486-b743-7406-ab7d-4add59c5bd8f', '01a22486-b1c5-701c-a48e-4c13145c07b2', 1795909138243956, '{"type":"capture","hold_id":"01a22486-b6ca-71f4-a5fa-457be44f3cd9","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":15}', 9, 'recorded', 1795909138243956, '[]', '57710e092afb7f03c5f88fcb02515c0c229ceb51eee314053098985f7833483a');
INSERT INTO public.entries VALUES ('01a22486-b774-7453-a9c6-b6c13666e2d5', '01a22486-b1c5-701c-a48e-4c13145c07b2', 1795909138292344, '{"type":"void","hold_id":"01a22486-b6f0-724f-bc48-fa31092e3f18","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3"}', 9, 'recorded', 1795909138292344, '[]', '64d185357d345b34b40e260bbd754acc8b7d1fd071f768febe2c4d09c4544e98');
INSERT INTO public.entries VALUES ('01a22486-b780-73a2-aa09-36d9efc6d7b0', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138304584, '{"type":"schedule","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":7,"currency":"EUR","first_at":"2026-11-28T23:38:58Z","every":"month","count":null,"reference":"club"}', 9, 'recorded', 1795909138304584, '[]', '361bf92debcec68f18c0875898036cffb5c425f8f165ba03b2e7b4fcc48cddc7');
INSERT INTO public.entries VALUES ('01a22486-b7a5-721c-95b4-59b453b7511e', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138341905, '{"type":"schedule","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":9,"currency":"EUR","first_at":"2036-11-25T23:38:58Z","every":"once","count":null,"reference":null}', 9, 'recorded', 1795909138341905, '[]', '20e431e4cbed395d69855dff26e0e1a1c9aa30abf4a24295a6f11b2ef8bbadf8');
INSERT INTO public.entries VALUES ('fe0f13b2-876b-8004-a34e-00d1c367d9b7', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138387240, '{"type":"bulk","mode":"each","count":3,"digest":"fc72216e3b326fe6b72bb8f33e23cefa0f119e65e48cc82a5f2fb95449b28274"}', 9, 'recorded', 1795909138387240, '[]', '6aa47046c590ef871ee0705b9d6cf36c5c8f84339c1a49a56f245fe9ca4a457a');
INSERT INTO public.entries VALUES ('fe0f13b2-876b-88cb-82bf-6b761acd0000', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138387240, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":1,"currency":"EUR","reference":"salary 1","bulk_id":"fe0f13b2-876b-8004-a34e-00d1c367d9b7"}', 9, 'recorded', 1795909138387240, '[]', 'd822e35378c92c8c4ae84e2386145a756e21377986beecf06e78f919babeb58b');
INSERT INTO public.entries VALUES ('fe0f13b2-876b-88cb-82bf-6b761acd0001', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138387240, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":2,"currency":"EUR","reference":"salary 2","bulk_id":"fe0f13b2-876b-8004-a34e-00d1c367d9b7"}', 9, 'recorded', 1795909138387240, '[]', '16acaf457fd97c2f436bdd5a78ac02b3d1ce05b64e34d771e4ee8623fef5eba6');
INSERT INTO public.entries VALUES ('fe0f13b2-876b-88cb-82bf-6b761acd0002', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138387240, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":99999,"currency":"EUR","reference":"salary 99999","bulk_id":"fe0f13b2-876b-8004-a34e-00d1c367d9b7"}', 9, 'funds_insufficient', 1795909138387240, '[["shortfall_minor",91507]]', '12d2bc31394aef9134de3d9c0fbf600063bfd583aa8507aa57e9c3f7d71f575d');
INSERT INTO public.entries VALUES ('01a22486-b80c-7625-acf8-5243798f1cfe', '01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 1795909138444083, '{"type":"account_closed","account":"01a22486-b5e5-76b7-9bf9-650d7df833f0","owner_id":"01a22486-b3f8-70fe-9c82-cc2dcfd73e27"}', 9, 'recorded', 1795909138444083, '[]', '0aaac13d4e1baee1eb7af00285c3ba9b849257bef2c5fe4add8df50fdb410ea6');
INSERT INTO public.entries VALUES ('01a22486-b8fd-71b3-b194-b19b0614befa', '01a22486-aef6-772d-a273-5360dcf7bddd', 1795909138685319, '{"type":"account_frozen","account":"01a22486-b5b0-72b5-9dc4-34896ae7fd39"}', 9, 'recorded', 1795909138685319, '[]', 'e255f708c39c0182cc4fd0511413749f9259f49402c9279bb79d9e07621a3d10');
INSERT INTO public.entries VALUES ('01a22486-b920-7112-a113-b790da8861b8', '01a22486-aef6-772d-a273-5360dcf7bddd', 1795909138720189, '{"type":"credit_limit_set","account":"01a22486-b598-77d0-836d-b12f9ff612fe","credit_limit_minor":500}', 9, 'recorded', 1795909138720189, '[]', 'f20a485c826c299bc98092ba44f807ffa243c96e77bd580ea1b67c3eb7752e36');
INSERT INTO public.entries VALUES ('f00361c9-c53c-81cf-90ca-c4d7be103859', '01a22486-b070-7110-9a0b-81bfe3454f04', 1795909138747478, '{"type":"transfer","from_account":"01a22486-b4f2-7118-a4eb-ddce6c7722f3","to_account":"DE73999000008721967399","amount_minor":7,"currency":"EUR","reference":"club","schedule_id":"01a22486-b780-73a2-aa09-36d9efc6d7b0"}', 0, 'recorded', 1795909138747478, '[]', '84ee8cbdcb90395228e79e45e1303806b4b0b6ac10565ad4c6867a79c0ff27d9');


--
-- Data for Name: lines; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.lines VALUES ('till-eur-9', 1, '01a22486-b56a-77f4-af7a-f35acae04574', 0, 'deposit', -10000, -10000, 'DE94999000002190875638', NULL, 1795909137770309);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 1, '01a22486-b56a-77f4-af7a-f35acae04574', 1, 'deposit', 10000, 10000, NULL, NULL, 1795909137770309);
INSERT INTO public.lines VALUES ('till-usd-9', 1, '01a22486-b5d1-7712-bb9c-ace8e8cfa321', 0, 'deposit', -500, -500, 'DE94999000009524517958', NULL, 1795909137873518);
INSERT INTO public.lines VALUES ('01a22486-b5b0-72b5-9dc4-34896ae7fd39', 1, '01a22486-b5d1-7712-bb9c-ace8e8cfa321', 1, 'deposit', 500, 500, NULL, NULL, 1795909137873518);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 2, 'e25aef56-2ab6-8550-aad0-1f5a622c8fd6', 0, 'transfer', -1000, 9000, 'DE73999000008721967399', 'rent', 1795909137954259);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 1, 'e25aef56-2ab6-8550-aad0-1f5a622c8fd6', 1, 'transfer', 1000, 1000, 'DE94999000002190875638', 'rent', 1795909137954259);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 3, '01a22486-b64f-752e-81d8-04e73e75fb1e', 0, 'transfer', -250, 8750, 'DE73999000008721967399', 'to be reversed', 1795909137999157);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 2, '01a22486-b64f-752e-81d8-04e73e75fb1e', 1, 'transfer', 250, 1250, 'DE94999000002190875638', 'to be reversed', 1795909137999157);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 4, '01a22486-b661-740e-a303-60e360528702', 0, 'transfer', -300, 8450, 'DE73999000008721967399', 'partly', 1795909138017822);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 3, '01a22486-b661-740e-a303-60e360528702', 1, 'transfer', 300, 1550, 'DE94999000002190875638', 'partly', 1795909138017822);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 4, 'a8c2563d-d304-8d57-ab52-29d420d9043c', 0, 'reversal', -100, 1450, 'DE94999000002190875638', NULL, 1795909138080806);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 5, 'a8c2563d-d304-8d57-ab52-29d420d9043c', 1, 'reversal', 100, 8550, 'DE73999000008721967399', NULL, 1795909138080806);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 6, '01a22486-b743-7406-ab7d-4add59c5bd8f', 0, 'capture', -15, 8535, 'DE73999000008721967399', NULL, 1795909138243956);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 5, '01a22486-b743-7406-ab7d-4add59c5bd8f', 1, 'capture', 15, 1465, 'DE94999000002190875638', NULL, 1795909138243956);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 7, 'fe0f13b2-876b-88cb-82bf-6b761acd0000', 0, 'transfer', -1, 8534, 'DE73999000008721967399', 'salary 1', 1795909138387240);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 6, 'fe0f13b2-876b-88cb-82bf-6b761acd0000', 1, 'transfer', 1, 1466, 'DE94999000002190875638', 'salary 1', 1795909138387240);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 8, 'fe0f13b2-876b-88cb-82bf-6b761acd0001', 0, 'transfer', -2, 8532, 'DE73999000008721967399', 'salary 2', 1795909138387240);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 7, 'fe0f13b2-876b-88cb-82bf-6b761acd0001', 1, 'transfer', 2, 1468, 'DE94999000002190875638', 'salary 2', 1795909138387240);
INSERT INTO public.lines VALUES ('01a22486-b4f2-7118-a4eb-ddce6c7722f3', 9, 'f00361c9-c53c-81cf-90ca-c4d7be103859', 0, 'transfer', -7, 8525, 'DE73999000008721967399', 'club', 1795909138747478);
INSERT INTO public.lines VALUES ('01a22486-b598-77d0-836d-b12f9ff612fe', 8, 'f00361c9-c53c-81cf-90ca-c4d7be103859', 1, 'transfer', 7, 1475, 'DE94999000002190875638', 'club', 1795909138747478);


--
-- Data for Name: mentions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'transfer', 1795909137954259, 'e25aef56-2ab6-8550-aad0-1f5a622c8fd6');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'transfer', 1795909137954259, 'e25aef56-2ab6-8550-aad0-1f5a622c8fd6');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'transfer', 1795909137999157, '01a22486-b64f-752e-81d8-04e73e75fb1e');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'transfer', 1795909137999157, '01a22486-b64f-752e-81d8-04e73e75fb1e');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'transfer', 1795909138017822, '01a22486-b661-740e-a303-60e360528702');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'transfer', 1795909138017822, '01a22486-b661-740e-a303-60e360528702');
INSERT INTO public.mentions VALUES ('01a22486-b661-740e-a303-60e360528702', 'reversal', 1795909138080806, 'a8c2563d-d304-8d57-ab52-29d420d9043c');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'hold', 1795909138122782, '01a22486-b6ca-71f4-a5fa-457be44f3cd9');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'hold', 1795909138122782, '01a22486-b6ca-71f4-a5fa-457be44f3cd9');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'hold', 1795909138160722, '01a22486-b6f0-724f-bc48-fa31092e3f18');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'hold', 1795909138160722, '01a22486-b6f0-724f-bc48-fa31092e3f18');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'hold', 1795909138191418, '01a22486-b70f-7105-93e2-87a347682abf');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'hold', 1795909138191418, '01a22486-b70f-7105-93e2-87a347682abf');
INSERT INTO public.mentions VALUES ('01a22486-b6ca-71f4-a5fa-457be44f3cd9', 'capture', 1795909138243956, '01a22486-b743-7406-ab7d-4add59c5bd8f');
INSERT INTO public.mentions VALUES ('01a22486-b6f0-724f-bc48-fa31092e3f18', 'void', 1795909138292344, '01a22486-b774-7453-a9c6-b6c13666e2d5');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'schedule', 1795909138304584, '01a22486-b780-73a2-aa09-36d9efc6d7b0');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'schedule', 1795909138341905, '01a22486-b7a5-721c-95b4-59b453b7511e');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'transfer', 1795909138387240, 'fe0f13b2-876b-88cb-82bf-6b761acd0000');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'transfer', 1795909138387240, 'fe0f13b2-876b-88cb-82bf-6b761acd0000');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'transfer', 1795909138387240, 'fe0f13b2-876b-88cb-82bf-6b761acd0001');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'transfer', 1795909138387240, 'fe0f13b2-876b-88cb-82bf-6b761acd0001');
INSERT INTO public.mentions VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'transfer', 1795909138747478, 'f00361c9-c53c-81cf-90ca-c4d7be103859');
INSERT INTO public.mentions VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'transfer', 1795909138747478, 'f00361c9-c53c-81cf-90ca-c4d7be103859');
INSERT INTO public.mentions VALUES ('01a22486-b780-73a2-aa09-36d9efc6d7b0', 'transfer', 1795909138747478, 'f00361c9-c53c-81cf-90ca-c4d7be103859');


--
-- Data for Name: progress; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.progress VALUES ('01a22486-b661-740e-a303-60e360528702', 'transfer', '01a22486-b4f2-7118-a4eb-ddce6c7722f3', 300, 'open', 100, 0, NULL);
INSERT INTO public.progress VALUES ('01a22486-b70f-7105-93e2-87a347682abf', 'hold', '01a22486-b4f2-7118-a4eb-ddce6c7722f3', 40, 'open', 0, 0, 1796513938191418);
INSERT INTO public.progress VALUES ('01a22486-b6ca-71f4-a5fa-457be44f3cd9', 'hold', '01a22486-b4f2-7118-a4eb-ddce6c7722f3', 40, 'captured', 15, 0, NULL);
INSERT INTO public.progress VALUES ('01a22486-b6f0-724f-bc48-fa31092e3f18', 'hold', '01a22486-b4f2-7118-a4eb-ddce6c7722f3', 40, 'voided', 0, 0, NULL);
INSERT INTO public.progress VALUES ('01a22486-b7a5-721c-95b4-59b453b7511e', 'schedule', '01a22486-b4f2-7118-a4eb-ddce6c7722f3', 9, 'open', 0, 0, 2111269138000000);
INSERT INTO public.progress VALUES ('01a22486-b780-73a2-aa09-36d9efc6d7b0', 'schedule', '01a22486-b4f2-7118-a4eb-ddce6c7722f3', 7, 'open', 0, 1, 1798501138000000);


--
-- Data for Name: unsealed_entries; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: unsealed_events; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES ('01a22486-aea6-751f-9f90-a9aa63ba05c9', 'auditor', 'auditor', NULL, '$argon2id$v=19$m=19456,t=2,p=1$fYJjhrTEz1ovz7j+vZieMg$HzZBFFyn6T+7YVi8I2+qe8lV5GjTn2MH6UgqWtmNmLE', 1795909136038611, 'auditor', '[]', 1, NULL);
INSERT INTO public.users VALUES ('01a22486-af6c-7263-9c2e-cc4d60bbd97f', 'admin', 'admin', NULL, '$argon2id$v=19$m=19456,t=2,p=1$MurNE41mDvEqQqrShc7McA$EOfZ1a87uk1iBZbIU+BadaOO2+DuTNzMAlZx6dZMM+M', 1795909136236355, 'admin', '[]', 1, NULL);
INSERT INTO public.users VALUES ('01a22486-b070-7110-9a0b-81bfe3454f04', 'ada', 'ada', NULL, '$argon2id$v=19$m=19456,t=2,p=1$kb/ZAftE1aM011cNXFm2XQ$TKPMkD8R78vQPvthkhRZ8VGICd6jDPcBpXvkqq1yeko', 1795909136496125, 'customer', '[{"id":"01a22486-b0f2-7152-b2b1-c59c0300d5df","refresh_id":"01a22486-b0f2-7152-b2b1-c59dbae46ef7","expires_at":"2026-12-28T23:38:56.626549Z"}]', 2, NULL);
INSERT INTO public.users VALUES ('01a22486-b1c5-701c-a48e-4c13145c07b2', 'bob', 'bob', NULL, '$argon2id$v=19$m=19456,t=2,p=1$WCKSbyP1F3u5kmFDFDpF3Q$J8CRJGICuX7AezVjJORmg+3FcAUl+X2Stg3MDVpgGmw', 1795909136837496, 'customer', '[{"id":"01a22486-b2f4-7244-8d39-6978f3b389e8","refresh_id":"01a22486-b2f4-7244-8d39-69792c47a0bf","expires_at":"2026-12-28T23:38:57.140536Z"}]', 2, NULL);
INSERT INTO public.users VALUES ('01a22486-b3f8-70fe-9c82-cc2dcfd73e27', 'cyd', 'cyd', NULL, '$argon2id$v=19$m=19456,t=2,p=1$WOiLI6jrOoEgoJV2yOvRrQ$t9aVSajDpH6B3pyi6NJ/dxji0uCCdd9w4ME10qWsaAs', 1795909137400651, 'customer', '[{"id":"01a22486-b4b9-7585-ab2d-65b5310af817","refresh_id":"01a22486-b4b9-7585-ab2d-65b65b70699f","expires_at":"2026-12-28T23:38:57.593458Z"}]', 2, NULL);
INSERT INTO public.users VALUES ('01a22486-aef6-772d-a273-5360dcf7bddd', 'teller', 'teller', NULL, '$argon2id$v=19$m=19456,t=2,p=1$M0d67hxWp6RhFfAG5OZc6w$XKrR35zPYKeP7n4pZ21u2pBc+ekv1tQxGzzUX7XfQ+M', 1795909136118446, 'teller', '[{"id":"01a22486-b8d0-7485-9470-49e2ad460e4b","refresh_id":"01a22486-b8d0-7485-9470-49e33d1c0d2f","expires_at":"2026-12-28T23:38:58.640359Z"}]', 2, NULL);


--
-- Name: unsealed_entries_place_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.unsealed_entries_place_seq', 26, true);


--
-- Name: unsealed_events_place_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.unsealed_events_place_seq', 10, true);


--
-- Name: accounts accounts_number_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_number_key UNIQUE (number);


--
-- Name: accounts accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: counters counters_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.counters
    ADD CONSTRAINT counters_pkey PRIMARY KEY (name);


--
-- Name: customers customers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);


--
-- Name: entries entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (id);


--
-- Name: lines lines_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_pkey PRIMARY KEY (account_id, number);


--
-- Name: mentions mentions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_pkey PRIMARY KEY (of_id, kind, at, entry_id);


--
-- Name: lines postings_of_an_entry; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lines
    ADD CONSTRAINT postings_of_an_entry UNIQUE (entry_id, posting);


--
-- Name: progress progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (entry_id);


--
-- Name: unsealed_entries unsealed_entries_entry_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsealed_entries
    ADD CONSTRAINT unsealed_entries_entry_id_key UNIQUE (entry_id);


--
-- Name: unsealed_entries unsealed_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsealed_entries
    ADD CONSTRAINT unsealed_entries_pkey PRIMARY KEY (place);


--
-- Name: unsealed_events unsealed_events_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsealed_events
    ADD CONSTRAINT unsealed_events_id_key UNIQUE (id);


--
-- Name: unsealed_events unsealed_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unsealed_events
    ADD CONSTRAINT unsealed_events_pkey PRIMARY KEY (place);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: users users_username_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key_key UNIQUE (username_key);


--
-- Name: accounts_of; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX accounts_of ON public.accounts USING btree (owner_id, id);


--
-- Name: due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX due ON public.progress USING btree (due_at, entry_id) WHERE (due_at IS NOT NULL);


--
-- Name: over; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX over ON public.counters USING btree (ends_at_ms);


--
-- PostgreSQL database dump complete
--

