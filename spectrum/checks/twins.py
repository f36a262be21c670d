"""Texts of which some are the same, as lab 05's check hands them out: {places of those that stood there before}."""

TRAIN = ["Hello, Ana!  Where is order 12?", "The lamp is red.", "Łódź is cold."]
LETTER = "On Monday I ordered a lamp, a rake and two kettles, and so far nothing but the rake has come. " * 9
TEXTS = (  # test texts, places that must go, what is asked, hint
    (["The lamp is red.", "The lamp is blue."], [0], "the same text, to the letter", "Look each text up in train."),
    (["the LAMP is red"], [0], "other capitals, no full stop", "Lower case, and no punctuation."),
    (["Hello Ana\nwhere is order 12"], [0], "other white space", "Spaces and line breaks are white space alike."),
    (["Hello,Ana!Where is order 12?"], [0], "a comma without a space", "A sign parts two words, as a space does."),
    (["A pén.", "A pàn."], [], "letters with accents", "é is a letter: an accent makes another word."),
    (["Мир 東京", "мир 北京"], [], "other alphabets", "They have letters and words, too."),
    (["Hello, Ana! Where is order 1, 2?"], [], "12 and 1, 2 are not the same", "Keep the words apart."),
    (["Shelf A1.", "Shelf A 1."], [], "A1 and A 1 are not the same", "A word may hold letters and digits."),
    (["The lamp is redder."], [], "a text that begins like another", "The whole text, not a part of it."),
    (["lamp is red"], [], "a part of another text", "The whole text, not a part of it."),
    (["Red is the lamp."], [], "the same words in another order", "The order of the words belongs to a text."),
    (["The lamp is is red."], [], "a word twice", "How often a word stands there belongs to a text."),
    (["one two three four five six seven", "one two three four five six eight"], [], "the seventh word differs",
     "The whole text, up to its last word."),
    (["A pen.", "A pan.", "a pen"], [2], "a text twice in the test set", "The first stays, the second must go."),
    (["A pen.", "a pen", "A PEN!"], [1, 2], "a text three times in the test set", "All but the first must go."),
    (["An e-mail. Don't.", "An e mail, don t"], [1], "hyphen and apostrophe", "They stand between two words."),
    (["!!!", "?"], [1], "two texts without a word", "They have the same words: none."),
    (["", "The lamp is red", ""], [1, 2], "two empty texts", "They have the same words: none."),
    ([LETTER + "Ana", LETTER + "Bob", LETTER + "ana!"], [2], "long texts that differ in the last word",
     "The whole text, up to its last word."),
    (["Hello (Ana): 'where is order' [12]"], [0], "brackets and quotes", "Signs of every kind part words."),
    (["_Hello_ana__where_is_order_12"], [0], "underscores", "A word has letters and digits. \\w has one sign more."),
    (["ÉCOLE, Łódź", "école łódź"], [1], "capitals with accents", "É is é in capitals."),
    (["łódź is cold"], [0], "capitals with accents in train", "Ł is ł in capitals, in train as in test."),
    (["東京。", "東京"], [1], "a full stop of another alphabet", "Signs of every kind part words."),
    ([f"Order {n}" for n in range(70)] + ["order 0", "Order 70", "order 69"], [70, 72], "73 test texts",
     "However many texts there are, look at all of them."),
)  # fmt: skip
