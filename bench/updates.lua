-- Updates as Telegram delivers them, each with an id of its own: wrk -s updates.lua URL -- FIRST_ID SECRET

local number, secret, chats = 0, "", 10000
local body = '{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d,"is_bot":false,"first_name":"Ann",' ..
   '"username":"ann_%d","language_code":"ru"},"chat":{"id":%d,"first_name":"Ann","type":"private"},' ..
   '"date":1763890000,"text":"a cinematic photo of a red fox in the snow, 35mm, golden hour"}}'

function init(arguments)
   number, secret = tonumber(arguments[1]), arguments[2]
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
   wrk.headers["X-Telegram-Bot-Api-Secret-Token"] = secret
end

function request()
   number = number + 1
   local chat = 1000000 + number * 7919 % chats
   return wrk.format(nil, nil, nil, body:format(number, number % 100000, chat, chat, chat))
end

function done(summary, latency)
   local failed = summary.errors
   io.write(string.format("figures %d %d %d %d %d\n", summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99),
      failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
