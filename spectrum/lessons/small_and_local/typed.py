"""Fifty messages to the shop in words of their own, not from its grammar: the same questions off the trained road.

Each was written for its true answers, and none is trained on. Cities, products and phrases need not be the shop's.
"""

from spectrum.shop import samplers, tasks, world

# Wish, feeling about the product, urgency, product, city; below them the message.
MESSAGES = """
refund, negative, high, lamp, Lisbon
Hi there, the lamp I bought flickers all night and I hate it. I want to be reimbursed before the weekend, I'm flying
out. Greetings from Lisbon, Marta

refund, negative, low, kettle, Oslo
The kettle leaks. It really isn't worth what I paid, so kindly put the 30 euros back on my account whenever you get
round to it. Per, Oslo

refund, positive, low, tent, Madrid
We love the tent, it's just too big for our balcony here in Madrid! It's on its way back to you - could I get what I
paid returned? No stress.

refund, negative, high, drill, Ghent
the drill died on day one, what a piece of junk. give me back my cash, and by tonight please!! - Wout (Ghent)

refund, positive, high, quilt, Chicago
Gorgeous quilt, truly, but my daughter already had the same one. I sent it back last week and rent is due tomorrow in
Chicago, so I'd need that repayment right away.

refund, negative, low, pan, Porto
Everything sticks to this pan, my old one was better. I returned it from Porto; you can transfer the amount in your
own time.

refund, positive, low, kite, Dublin
Kite flies like a dream. Still, there's no wind where I live in Dublin so I've mailed it back. Reimburse me when it
suits you, cheers

refund, negative, high, mattress, Rome
I wake up with a sore back every single morning in Rome, this mattress is a disgrace. The sum should be on my bank
account today, not next month.

refund, negative, low, pen, Kyoto
Two of the pens were dried out and the rest smear. I've changed to another brand. Please reverse the charge, no rush
at all. Kenji, Kyoto

refund, positive, high, backpack, Berlin
Great backpack but it arrived after my trip had started, so I bought one at the station in Berlin. I need the money
for it back on my card now, I'm nearly broke!

exchange, negative, low, toaster, Vienna
My toaster only browns one side. It's dreadfully built. Could you give me another one instead? I'm in Vienna and not
in a hurry.

exchange, positive, low, blanket, Austin
Such a soft blanket! Only I picked queen size by mistake and need a king. Can we swap? Whenever. Jo from Austin

exchange, negative, high, hose, Athens
The hose split the first time I turned on the tap. Rubbish quality. I need a working one here in Athens by tomorrow
morning, the garden is dying.

exchange, positive, high, drum, Hamburg
My son adores the drum but he plays his first concert on Friday and wants it in black rather than red. Could you
change it for us at once? Hamburg says hi

exchange, negative, low, notebook, Quito
The pages of the notebook fall out, very poor binding. I'd take a different model in its place. Take as long as you
need - Sol, Quito

exchange, positive, low, hammer, Leeds
Best hammer I have held in years, honest. I'm left handed though and your lefty version would fit better, mind
trading? No deadline. Tom, Leeds

exchange, negative, high, wrench, Delhi
jaw of the wrench bent straight away, terrible steel. need a replacement TODAY, my crew in Delhi is standing around

exchange, positive, high, puzzle, Zurich
What a beautiful puzzle, but it's the 500 piece one I already have. Could you send the 1000 piece version instead,
express, my guests come on Saturday? Zurich

exchange, negative, low, hammock, Lima
I don't like how this hammock sags. If you have a firmer one I'd rather have that. Anytime is ok. Lima

exchange, positive, high, flask, Helsinki
The flask is brilliant, keeps tea hot for ages. But mine came in pink and it's a gift for my boss tomorrow in
Helsinki! Can I have the grey one asap?

tracking, negative, high, saw, Boston
Three weeks and still no saw, and the one you sent before was blunt garbage anyway. Where on earth is it?? I must
start the job in Boston tomorrow

tracking, positive, low, teapot, Prague
I can't wait for my second teapot, the first is lovely! Could you let me know how far it has got? No pressure. Prague

tracking, positive, high, rake, Toronto
I adore your rakes. Has mine left the depot yet? I leave Toronto in a few hours and somebody has to sign for it.

tracking, negative, low, folder, Geneva
The last folders tore at once so I don't expect much, but when will the new lot turn up? Not pressing. Office in
Geneva

tracking, positive, low, stapler, Sofia
Nice stapler by the way. Any idea on what day the next one gets to Sofia? I'm home all month.

tracking, negative, high, candle, Manchester
Candles that smell like burnt plastic, and now the second box has gone astray. Find out where it's stuck, NOW, the
wedding in Manchester is tomorrow.

tracking, positive, low, torch, Riga
I've been very happy with the torch. My friend's has shipped supposedly; can you see whereabouts it is? Only asking
out of curiosity. Riga

tracking, negative, low, doll, Naples
My niece finds the doll creepy and I agree. Anyway, the clothes for it were mailed on the 3rd - have they crossed the
border yet? No rush. Naples

tracking, positive, high, spade, Warsaw
Terrific spade. The courier app says nothing since Monday, what's the status of my other one? I have to know within
the hour. Warsaw

tracking, negative, low, pillow, Havana
My first pillow was lumpy and it smelled. The second should be somewhere between you and Havana, could you check on it
at some point?

cancel, positive, low, lantern, Tunis
I like the lantern a lot but my wife got me one already. So don't ship mine, please. There's plenty of time before it
leaves. Tunis

cancel, negative, high, kettle, Munich
Just read that your kettles catch fire, horrible things. Call off my purchase immediately, before it goes out! Munich

cancel, positive, high, mattress, Seoul
The mattress looked fantastic in the shop. But we are moving out of Seoul tonight and I have nowhere to put it - pull
the order right now please

cancel, negative, low, trowel, Lyon
On second thought the trowel feels cheap and wobbly, I tried my neighbour's. I won't be needing mine, you may scrap
the purchase. Anytime this month is fine. Lyon

cancel, positive, low, drill, Denver
Your drills are superb, I own two. The third I ordered by accident, can you undo that? It's not due until spring.
Denver

cancel, negative, high, doll, Bogota
The eyes of that doll fall out and a child could choke! Don't you dare send ours. Confirm within the hour that it's
been stopped. Bogota

cancel, positive, low, backpack, Glasgow
Lovely backpack, really. The trip is off, though, so I'd like to withdraw from the sale. Let me know in your own time.
Glasgow

cancel, negative, low, pan, Marseille
Friends tell me the coating on this pan peels. I've lost interest, please drop it from my basket of orders. No hurry.
Marseille

cancel, positive, high, tent, Stockholm
Perfect tent for four, but there are only two of us now. Please make sure it does not ship this afternoon! Stockholm

cancel, negative, high, hammock, Cairo
Took a look at the hammock at my cousin's, the ropes are rotten. Abort my order before 5 pm. Cairo

invoice, positive, low, lamp, Basel
The lamp is a joy. For my taxes I'd need proof of purchase with the VAT on it, by the end of the year will do. Basel

invoice, negative, high, pen, Paris
The pen leaks all over my shirts and I am not pleased. Anyhow, accounting in Paris wants the paperwork for what I paid
in the next ten minutes, please mail it.

invoice, positive, low, wrench, Tokyo
Very pleased with these wrenches. Could you email me something that shows what I paid? Whenever you find a moment.
Tokyo

invoice, negative, low, blanket, Lagos
Blanket is scratchy, I would not buy it again. My employer covers half of it if I hand in a receipt; could I get one?
No rush. Lagos

invoice, positive, high, teapot, Krakow
Marvellous teapot! I'm in front of the customs officer in Krakow and he wants to see the bill right this minute

invoice, negative, high, hose, Sydney
This hose is useless, it kinks. And the insurer in Sydney needs a copy of your bill by noon today or they won't pay.

invoice, positive, low, kite, Cork
My kids can't put the kite down. Please post me an itemised statement of the purchase, next month is OK. Cork

invoice, negative, low, toaster, Brussels
I'm disappointed by this toaster. Still, I do need the document with the price and the tax number for the books. In
your own time. Brussels

invoice, positive, high, notebook, Milan
Beautiful paper in this notebook! My expense report closes tonight, so could you resend the sales slip straight away?
Milan

invoice, negative, low, rake, Athens
The teeth of the rake bend at once, shoddy. Do you still have the bill for it? I lost mine. It can wait. Athens
"""
TYPED = [[*answers.split(", "), text.replace("\n", " ")] for answers, text in
         (message.split("\n", 1) for message in MESSAGES.strip().split("\n\n"))]  # fmt: skip


def typed_items(task):
    """Returns the fifty messages as items of a task: "intent", "json_sentiment_city" or "house_ticket"."""
    found = []
    for intent, feeling, urgency, product, city, text in TYPED:
        category = world.CATEGORY_OF[product]
        priority = 3 - (urgency == "high") - (feeling == "negative")
        gold = {
            "intent": intent,
            "json_sentiment_city": f'{{"sentiment": "{feeling}", "city": "{city}"}}',
            "house_ticket": f"LG|{category}|P{priority}|{samplers.HOUSE_ACTION[intent]}",
        }[task]
        found.append(tasks.Item(task, text, gold, {"keys": "sentiment and city"}))
    return found
