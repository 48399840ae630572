-- People and companies of each tenant: what documents brought along, and what the API maintains (which no document overwrites).
CREATE TABLE companies (
    tenant     text    NOT NULL,
    id         text    NOT NULL,
    side       text    NOT NULL CHECK (side IN ('client', 'supplier')),
    name       text    NOT NULL,
    zone       text    NOT NULL DEFAULT 'UTC',
    aliases    jsonb   NOT NULL DEFAULT '[]',
    active     boolean NOT NULL DEFAULT true,
    maintained boolean NOT NULL DEFAULT false,
    version    int     NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id)
);

-- Whose documents are whose. A side of its own, since one party may buy here and sell there.
CREATE TABLE company_endpoints (
    tenant   text NOT NULL,
    side     text NOT NULL,
    endpoint text NOT NULL,
    company  text NOT NULL,
    PRIMARY KEY (tenant, side, endpoint)
);
CREATE INDEX company_endpoints_of ON company_endpoints (tenant, company);

CREATE TABLE people (
    tenant       text    NOT NULL,
    id           text    NOT NULL,
    name         text    NOT NULL,
    email        text,
    phone        text    NOT NULL DEFAULT '',
    language     text    NOT NULL DEFAULT 'en',
    zone         text    NOT NULL DEFAULT 'UTC',
    company      text,
    active       boolean NOT NULL DEFAULT true,
    roles        jsonb   NOT NULL DEFAULT '[]',
    aliases      jsonb   NOT NULL DEFAULT '[]',
    deputy       text,
    absent_from  date,
    absent_until date,
    maintained   boolean NOT NULL DEFAULT false,
    version      int     NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX people_by_email ON people (tenant, company, lower(email)) WHERE email IS NOT NULL;
CREATE INDEX people_by_name ON people (tenant, company, lower(name));

CREATE TABLE contracts (
    tenant                 text    NOT NULL,
    id                     text    NOT NULL,
    number                 text    NOT NULL,
    buyer                  text    NOT NULL,
    purchaser_contact      text,
    automatic_receipt      boolean NOT NULL DEFAULT false,
    receipt_days           int     CHECK (receipt_days >= 0),
    complaint_days         int     CHECK (complaint_days >= 0),
    mute_announced_partials boolean NOT NULL DEFAULT false,
    minimum_order_value    numeric,
    currency               text    NOT NULL DEFAULT '',
    provisional            boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, buyer, number)
);

CREATE TABLE orders (
    id                 text    PRIMARY KEY,
    tenant             text    NOT NULL,
    number             text    NOT NULL,
    issue_date         date    NOT NULL,
    buyer              text    NOT NULL,
    buyer_name         text    NOT NULL,
    buyer_endpoint     text    NOT NULL,
    buyer_contact      text,
    supplier           text    NOT NULL,
    supplier_name      text    NOT NULL,
    supplier_endpoint  text    NOT NULL,
    currency           text    NOT NULL,
    contract           text,
    contract_number    text    NOT NULL,
    reference          text    NOT NULL,
    note               text    NOT NULL,
    requested_start    date,
    requested_end      date,
    response_code      text    NOT NULL,
    sequence           int     NOT NULL,
    cancelled          boolean NOT NULL,
    version            int     NOT NULL,
    -- Derived from lines, notes and receipts whenever they change, so that lists can filter.
    estimated_delivery date,
    fully_delivered    boolean NOT NULL
);
CREATE INDEX orders_by_number ON orders (tenant, number);
CREATE INDEX orders_by_supplier ON orders (tenant, supplier);

CREATE TABLE order_lines (
    order_id        text    NOT NULL REFERENCES orders,
    line            text    NOT NULL,
    position        int     NOT NULL,
    item            text    NOT NULL,
    description     text    NOT NULL,
    sellers_item    text    NOT NULL,
    buyers_item     text    NOT NULL,
    quantity        numeric NOT NULL,
    unit            text    NOT NULL,
    price           numeric,
    base_quantity   numeric NOT NULL,
    net             numeric,
    ordered_by      text    NOT NULL,
    requested_start date,
    requested_end   date,
    estimated       date,
    response_code   text    NOT NULL,
    cancelled       boolean NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE order_contacts (
    order_id text NOT NULL REFERENCES orders,
    person   text NOT NULL,
    role     text NOT NULL,
    position int  NOT NULL,
    PRIMARY KEY (order_id, person, role)
);
CREATE INDEX order_contacts_of ON order_contacts (person);

-- Each version stays; the newest counts. `lines` are {line, quantity, unit, item, outstanding}.
CREATE TABLE delivery_notes (
    order_id          text        NOT NULL REFERENCES orders,
    id                text        NOT NULL,
    version           int         NOT NULL,
    number            text        NOT NULL,
    position          int         NOT NULL,
    origin            text        NOT NULL,
    partial_announced boolean     NOT NULL,
    delivery_date     date,
    recorded_at       timestamptz NOT NULL,
    lines             jsonb       NOT NULL,
    PRIMARY KEY (order_id, id, version)
);

-- Once per note.
CREATE TABLE goods_receipts (
    id              text        PRIMARY KEY,
    order_id        text        NOT NULL REFERENCES orders,
    booking         text        NOT NULL CHECK (booking IN ('automatic', 'manual')),
    note            text        UNIQUE,
    booked_at       timestamptz NOT NULL,
    booked_by       text,
    complaint_until date,
    lines           jsonb       NOT NULL
);
CREATE INDEX goods_receipts_of ON goods_receipts (order_id);

-- The raw documents. One that waits has `outcome` waiting; what it waits for stands in `reason`.
CREATE TABLE ubl_documents (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    emitter      text        NOT NULL,
    sha256       text        NOT NULL,
    tenant       text        NOT NULL,
    kind         text        NOT NULL,
    number       text        NOT NULL,
    sender       text        NOT NULL,
    order_number text        NOT NULL,
    order_id     text,
    sequence     int,
    outcome      text        NOT NULL CHECK (outcome IN ('processed', 'waiting', 'duplicate', 'parked')),
    reason       text        NOT NULL DEFAULT '',
    endpoints    text[]      NOT NULL,
    sides        text[]      NOT NULL,
    topic        text        NOT NULL,
    partition    int         NOT NULL,
    "offset"     bigint      NOT NULL,
    key          bytea,
    headers      jsonb       NOT NULL,
    value        bytea       NOT NULL,
    written_at   timestamptz NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant, emitter, sha256)
);
CREATE INDEX ubl_documents_of_order ON ubl_documents (tenant, order_number);
CREATE INDEX ubl_documents_waiting ON ubl_documents (tenant, received_at) WHERE outcome = 'waiting';

-- The documents on an order. A deletion hides one; its blob stays, since a correspondence may have pinned it.
CREATE TABLE order_documents (
    id         text        PRIMARY KEY,
    order_id   text        NOT NULL REFERENCES orders,
    filename   text        NOT NULL,
    media_type text        NOT NULL,
    size       bigint      NOT NULL,
    sha256     text,       -- null: the order only says where it lies
    uri        text        NOT NULL DEFAULT '',
    kind       text        NOT NULL,
    added_at   timestamptz NOT NULL,
    added_by   text,
    deleted_at timestamptz
);
CREATE INDEX order_documents_of ON order_documents (order_id);

CREATE TABLE budgets (
    tenant        text    NOT NULL,
    id            text    NOT NULL,
    company       text,
    name          text    NOT NULL,
    kind          text    NOT NULL,
    scope         text    NOT NULL,
    period_start  date    NOT NULL,
    period_end    date    NOT NULL,
    start_value   numeric NOT NULL,
    current_value numeric NOT NULL,
    currency      text    NOT NULL,
    owner         text,
    manager       text,
    PRIMARY KEY (tenant, id),
    CHECK (period_end >= period_start)
);
CREATE INDEX budgets_by_end ON budgets (period_end);

-- Once per period and reason.
CREATE TABLE budgets_raised (
    tenant       text        NOT NULL,
    budget       text        NOT NULL,
    period_start date        NOT NULL,
    reason       text        NOT NULL,
    raised_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, budget, period_start, reason)
);

-- Each slot of a scheduled task once, by whichever instance is first.
CREATE TABLE task_slots (
    task   text        NOT NULL,
    slot   timestamptz NOT NULL,
    run_at timestamptz NOT NULL DEFAULT now(),
    raised int         NOT NULL DEFAULT 0,
    PRIMARY KEY (task, slot)
);
