-- What wrk sends: the requests of a file, again and again.
--
--     wrk ... -s requests.lua URL -- METHOD PATHS BODIES [CRITERIA]
--
-- PATHS has a path a line; BODIES a JSON body a line, or is "-". CRITERIA go into If-None-Exist;
-- then @@ in them and in the bodies is another number in every request. Each thread
-- starts at its own place. The file $WRK_OUT receives the figures as JSON.

local threads = 0
local method, paths, bodies, criteria, requests, at
local sent = 0

local function lines_of(file)
    local found = {}
    for line in io.lines(file) do
        found[#found + 1] = line
    end
    return found
end

function setup(thread)
    thread:set("number", threads)
    thread:set("start", os.time())
    threads = threads + 1
end

function init(args)
    method = args[1]
    paths = lines_of(args[2])
    bodies = args[3] ~= "-" and lines_of(args[3]) or nil
    wrk.headers["Accept"] = "application/fhir+json"
    criteria = args[4]
    if bodies then
        wrk.headers["Content-Type"] = "application/fhir+json"
    end
    requests = {}
    for i = 1, math.max(#paths, bodies and #bodies or 0) do
        local path = paths[(i - 1) % #paths + 1]
        local body = bodies and bodies[(i - 1) % #bodies + 1]
        requests[i] = wrk.format(method, path, nil, body)
    end
    at = math.floor(number * #requests / 2)
end

-- A request that nobody has sent before.
local function fresh()
    sent = sent + 1
    local mark = string.format("%d-%d-%d", start, number, sent)
    wrk.headers["If-None-Exist"] = criteria:gsub("@@", mark)
    return wrk.format(method, paths[(at - 1) % #paths + 1], nil,
                      (bodies[(at - 1) % #bodies + 1]:gsub("@@", mark)))
end

function request()
    at = at % #requests + 1
    return criteria and fresh() or requests[at]
end

function done(summary, latency, _)
    local file = io.open(os.getenv("WRK_OUT"), "w")
    local errors = summary.errors
    file:write(string.format(
        '{"rate": %.1f, "p50": %.3f, "p99": %.3f, "max": %.3f, "requests": %d, "bytes": %d, ' ..
        '"refused": %d, "lost": %d}\n',
        summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
        latency:percentile(99) / 1000, latency.max / 1000, summary.requests, summary.bytes,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
    file:close()
end
