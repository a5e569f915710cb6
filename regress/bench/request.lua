-- SPDX-License-Identifier: ISC
-- One kind of request for wrk, from the environment: BENCH_METHOD, BENCH_BODY
-- (a file), BENCH_AUTH, BENCH_CLOSE (a new connection each time), BENCH_IDS (a
-- file of mail ids: then @ID@ in the body is one of them, @WORD@ true or null).

local function slurp(name)
	local f = name and io.open(name, "r")
	local text = f and f:read("*a")
	if f then f:close() end
	return text
end

local body = slurp(os.getenv("BENCH_BODY"))
local ids, flip = {}, false
for id in (slurp(os.getenv("BENCH_IDS")) or ""):gmatch("%S+") do
	ids[#ids + 1] = id
end

wrk.method = os.getenv("BENCH_METHOD") or "GET"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTH")
if os.getenv("BENCH_CLOSE") then
	wrk.headers["Connection"] = "close"
end
if body then
	wrk.headers["Content-Type"] = "application/json"
	wrk.body = body
end

if #ids > 0 then
	request = function()
		flip = not flip
		local text = body:gsub("@ID@", ids[math.random(#ids)])
		text = text:gsub("@WORD@", flip and "true" or "null")
		return wrk.format(nil, nil, nil, text)
	end
end

done = function(summary, latency)
	local e = summary.errors
	io.write(string.format("RESULT %.1f %.1f %.1f %d %d\n",
	    summary.requests / (summary.duration / 1e6),
	    latency:percentile(50), latency:percentile(99),
	    e.status + e.connect + e.read + e.write + e.timeout,
	    summary.requests))
end
