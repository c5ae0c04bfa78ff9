"""Files of a conversation: what people add to a question, and how answers find it.

reading      bytes become text, passages or an image      sniff, names, tables, pdf, images
store        the bytes, kept in app.db with their thread
index        one search index per thread, made again from the bytes whenever it is missing
searching    a run's knowledge: the thread's files beside the handbook
pictures     images for models that see
desk         files on their way into a question; the way in for everybody else
"""
